import fc from "fast-check";
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { countCorrect } from "../../src/ops/count_correct.ts";
import { countInto } from "../../src/ops/loss/count_into.ts";
import { empty, metaTensor, Scope, tensor } from "../../src/tensor/index.ts";
import { randomArray, randomInts } from "../support/random.ts";

test("counts rows whose first largest logit is the target's", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 90 }), async (rows, classes) => {
      using _scope = new Scope();
      // Few distinct values, so that ties are common.
      const x = randomArray(rows * classes, rows).map(Math.round);
      const target = randomInts(rows, classes, classes);
      const want = target.filter((label, i) => {
        const row = [...x.slice(i * classes, (i + 1) * classes)];
        return row.indexOf(Math.max(...row)) === label;
      }).length;
      const [logits, labels] = [tensor(x, [rows, classes]), tensor(target)];
      expect(await countCorrect(logits, labels, {}).item()).toBe(want);
      for (const software of [true, false]) {
        const y = empty([]);
        countInto(y, logits, labels, software);
        expect(await y.item()).toBe(want);
      }
    }),
    { numRuns: 20, seed: 1 },
  );
});

test("many classes: the first of equal ones, values below zero, zeros of either sign, NaN", async () => {
  using _scope = new Scope();
  const classes = 700;
  const count = async (edit: (x: Float32Array) => void, label: number) => {
    const x = new Float32Array(classes).fill(-5);
    edit(x);
    const [logits, target] = [tensor(x, [1, classes]), tensor(Int32Array.of(label))];
    const [cpu, gpu] = [empty([]), empty([])];
    countInto(cpu, logits, target, true);
    countInto(gpu, logits, target, false);
    expect(await gpu.item()).toBe(await cpu.item());
    return cpu.item();
  };
  const at = (places: Record<number, number>) => (x: Float32Array) => {
    for (const [i, v] of Object.entries(places)) x[Number(i)] = v;
  };
  expect(await count(at({ 650: -1, 130: -1 }), 130)).toBe(1);
  expect(await count(at({ 650: -1, 130: -1 }), 650)).toBe(0);
  expect(await count(at({ 3: -0, 600: 0 }), 3)).toBe(1);
  expect(await count(at({ 3: -1e-30, 600: 1e-30 }), 600)).toBe(1);
  expect(await count(at({ 699: Number.POSITIVE_INFINITY }), 699)).toBe(1);
  expect(await count(() => {}, 0)).toBe(1);
  expect(await count(at({ 650: Number.NaN }), 0)).toBeNaN();
});

test("a target out of range is never right, and no gradient flows", async () => {
  using _scope = new Scope();
  const x = tensor([3, 1, 2, 0, 1, 2], [2, 3]);
  x.requiresGrad = true;
  using tape = new Tape();
  const y = countCorrect(x, tensor(Int32Array.of(-1, 3)), {});
  expect(await y.item()).toBe(0);
  expect(y.requiresGrad).toBe(false);
  expect(tape.length).toBe(0);
});

test("shapes and errors", () => {
  expect(countCorrect(metaTensor([4, 10]), metaTensor([4], "i32"), {}).shape).toEqual([]);
  expect(() => countCorrect(metaTensor([4]), metaTensor([4], "i32"), {})).toThrow(
    "countCorrect: expected logits [N, C]",
  );
  expect(() => countCorrect(metaTensor([4, 10]), metaTensor([4]), {})).toThrow("target [N] i32");
  expect(() => countCorrect(metaTensor([4, 10], "i32"), metaTensor([4], "i32"), {})).toThrow(
    "logits: expected f32 or f16, got i32",
  );
});
