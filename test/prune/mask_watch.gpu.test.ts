// Masks from one call to the next, on a small model.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Linear, type Parameter, Sequential } from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { MaskWatch } from "../../src/prune/index.ts";

test("returns pruned, regrown and overlap of each layer since the last call", async () => {
  const model = new Sequential([new Linear(3, 2), new Linear(2, 1, { bias: false })]);
  const [first, second] = model.parameters().filter((p) => p.prunable) as [Parameter, Parameter];
  first.set(Float32Array.of(1, 0, -2, 0, 0.5, -0));
  second.set(Float32Array.of(0, 0));
  const watch = new MaskWatch(model);
  const initial = await watch.compare();
  expect(initial).toEqual([
    { name: "0.weight", weights: 6, zeros: 3, pruned: 3, regrown: 0, iou: 0.5 },
    { name: "1.weight", weights: 2, zeros: 2, pruned: 2, regrown: 0, iou: 0 },
  ]);
  first.set(Float32Array.of(1, 3, 0, 0, 1e-30, 4));
  expect(await watch.compare()).toEqual([
    // Alive before: 0, 2, 4; now: 0, 1, 4, 5.
    { name: "0.weight", weights: 6, zeros: 2, pruned: 1, regrown: 2, iou: 2 / 5 },
    { name: "1.weight", weights: 2, zeros: 2, pruned: 0, regrown: 0, iou: 1 },
  ]);
  expect((await watch.compare()).map((row) => [row.pruned, row.regrown, row.iou])).toEqual([
    [0, 0, 1],
    [0, 0, 1],
  ]);
  model.dispose();
});

test("sees the effective weights of a latent parameter, not the latent ones", async () => {
  const model = new Sequential([new Linear(4, 1, { bias: false })]);
  const [weight] = model.parameters() as [Parameter];
  weight.set(Float32Array.of(0.05, -0.2, 0.3, 0.01));
  const watch = new MaskWatch(model);
  const sgd = new SGD([weight], { lr: 0.1, mode: "latent" });
  sgd.set({ threshold: 0, thresholdNext: 0.1 });
  weight.grad?.set(new Float32Array(4));
  weight.gradArrived = true;
  sgd.step();
  expect(await watch.compare()).toEqual([{ name: "0.weight", weights: 4, zeros: 2, pruned: 2, regrown: 0, iou: 0.5 }]);
  sgd.dispose();
  model.dispose();
});

test("counts agree with a plain comparison for any two masks", async () => {
  const bits = fc
    .integer({ min: 1, max: 130 })
    .chain((n) =>
      fc.tuple(
        fc.array(fc.boolean(), { minLength: n, maxLength: n }),
        fc.array(fc.boolean(), { minLength: n, maxLength: n }),
      ),
    );
  await fc.assert(
    fc.asyncProperty(bits, async ([before, now]) => {
      const model = new Sequential([new Linear(before.length, 1, { bias: false })]);
      const [weight] = model.parameters() as [Parameter];
      const watch = new MaskWatch(model);
      weight.set(Float32Array.from(before, Number));
      await watch.compare();
      weight.set(Float32Array.from(now, (on) => (on ? -1 : 0)));
      const [row] = await watch.compare();
      const count = (test: (a: boolean, b: boolean) => boolean) => before.filter((a, i) => test(a, now[i]!)).length;
      const union = count((a, b) => a || b);
      expect(row).toMatchObject({
        zeros: count((_, b) => !b),
        pruned: count((a, b) => a && !b),
        regrown: count((a, b) => !a && b),
        iou: union === 0 ? 1 : count((a, b) => a && b) / union,
      });
      model.dispose();
    }),
    { numRuns: 40 },
  );
});

test("refuses a model without prunable weights", () => {
  const model = new Sequential([]);
  expect(() => new MaskWatch(model)).toThrow("mask watch: expected a weight to prune, got a model without any");
});
