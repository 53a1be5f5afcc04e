import fc from "fast-check";
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { countCorrect } from "../../src/ops/count_correct.ts";
import { metaTensor, Scope, tensor } from "../../src/tensor/index.ts";
import { randomArray, randomInts } from "../support/random.ts";

test("counts rows whose first largest logit is the target's", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 20 }), async (rows, classes) => {
      using _scope = new Scope();
      // Few distinct values, so that ties are common.
      const x = randomArray(rows * classes, rows).map(Math.round);
      const target = randomInts(rows, classes, classes);
      const want = target.filter((label, i) => {
        const row = [...x.slice(i * classes, (i + 1) * classes)];
        return row.indexOf(Math.max(...row)) === label;
      }).length;
      expect(await countCorrect(tensor(x, [rows, classes]), tensor(target), {}).item()).toBe(want);
    }),
    { numRuns: 20, seed: 1 },
  );
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
    "logits: expected f32, got i32",
  );
});
