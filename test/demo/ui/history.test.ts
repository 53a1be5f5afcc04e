import fc from "fast-check";
import { expect, test } from "vitest";
import type { Point } from "../../../demo/shared/protocol.ts";
import { alignLanes, History, SERIES } from "../../../demo/ui/history.ts";

const point = (step: number, more: Partial<Point> = {}): Point => ({
  step,
  epoch: step / 100,
  loss: 1 / (step + 1),
  trainAccuracy: 0.5,
  testAccuracy: null,
  sparsity: 0.1,
  threshold: 0,
  lambda: null,
  lr: 0.1,
  imagesPerSecond: null,
  ...more,
});

const run = (steps: number) => Array.from({ length: steps }, (_, i) => point(i));

test("plots get thinned points, files all of them", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 4, max: 100 }), (steps, limit) => {
      const history = new History(limit);
      history.add(run(steps));
      const { steps: kept, values } = history.thinned();
      expect(history.points.length).toBe(steps);
      expect(kept.length).toBeLessThanOrEqual(limit + 1);
      expect(kept.at(-1)).toBe(steps - 1);
      expect(kept).toEqual([...kept].sort((a, b) => a - b));
      for (const series of SERIES) expect(values[series].length).toBe(kept.length);
    }),
    { numRuns: 40 },
  );
});

test("thinned values are means and keep test accuracies", () => {
  const history = new History(4);
  history.add([
    point(0, { loss: 4 }),
    point(1, { loss: 2, testAccuracy: 0.9 }),
    point(2, { loss: 1 }),
    point(3, { loss: 3 }),
  ]);
  const { steps, values } = history.thinned();
  expect(steps).toEqual([1, 3]);
  expect(values.loss).toEqual([3, 2]);
  expect(values.testAccuracy).toEqual([0.9, null]);
  expect(history.latest("testAccuracy")).toBe(0.9);
  expect(history.tests()).toEqual([{ sparsity: 0.1, accuracy: 0.9 }]);
});

test("a test at the step of another point hides none of its values", () => {
  const history = new History();
  history.add([point(5, { loss: 0.2, trainAccuracy: 0.9 })]);
  history.add([point(5, { loss: null, trainAccuracy: null, testAccuracy: 0.8 })]);
  expect(alignLanes([history.thinned()], ["loss", "testAccuracy"])).toEqual([[5], [0.2], [0.8]]);
  history.addTest({ sparsity: 0.5, accuracy: 0.7, images: 200 });
  expect(history.tests()).toHaveLength(2);
});

test("rewinding removes all later points", () => {
  const whole = new History(8);
  whole.add(run(50).map((p) => ({ ...p, testAccuracy: p.step === 40 ? 0.8 : null })));
  whole.rewind(20);
  const part = new History(8);
  part.add(run(21));
  expect(whole.points.at(-1)?.step).toBe(20);
  expect(whole.tests()).toEqual([]);
  expect(whole.thinned()).toEqual(part.thinned());
});

test("aligns lanes with different steps on one axis", () => {
  const [a, b] = [new History(), new History()];
  a.add([point(0, { loss: 1 }), point(10, { loss: 2 })]);
  b.add([point(5, { loss: 3 }), point(10, { loss: 4 })]);
  expect(alignLanes([a.thinned(), b.thinned()], ["loss"])).toEqual([
    [0, 5, 10],
    [1, null, 2],
    [null, 3, 4],
  ]);
});
