import { describe, expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { bceWithLogits } from "../../src/ops/bce_with_logits.ts";
import { metaTensor, numel, readAll, Scope, type Shape, tensor } from "../../src/tensor/index.ts";
import { binaryCrossEntropy, reduced } from "../reference/losses.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";
import { checkLoss } from "./loss_cases.ts";

checkLoss("bceWithLogits", bceWithLogits, (x, t) => binaryCrossEntropy(x, t));

describe("the weight of positive targets", () => {
  const cases: { x: Shape; weight: Shape; of: (i: number) => number }[] = [
    { x: [4, 5], weight: [5], of: (i) => i % 5 },
    { x: [4, 5], weight: [], of: () => 0 },
    { x: [4, 5], weight: [1, 5], of: (i) => i % 5 },
    { x: [2, 3, 4, 2], weight: [3, 1, 1], of: (i) => Math.floor(i / 8) % 3 },
    { x: [2, 3, 4, 2], weight: [4, 2], of: (i) => i % 8 },
    { x: [2, 3, 4, 2], weight: [2, 1, 1, 1], of: (i) => Math.floor(i / 24) },
    { x: [2, 3, 4, 2], weight: [1, 1, 1, 1], of: () => 0 },
  ];
  test.each(cases)("of shape $weight for $x", async ({ x: shape, weight, of }) => {
    const posWeight = randomArray(numel(weight), 3).map((v) => 1 + v * v);
    await gradcheck({
      inputs: {
        x: { data: randomArray(numel(shape), 1, 2), shape },
        target: { data: randomArray(numel(shape), 2).map((v) => 1 / (1 + Math.exp(-v))), shape },
        posWeight: { data: posWeight, shape: weight },
      },
      frozen: ["posWeight"],
      op: ({ x, target, posWeight }) => bceWithLogits(x!, target!, { posWeight: posWeight! }),
      reference: ({ x, target, posWeight }) =>
        reduced(x!.map((v, i) => binaryCrossEntropy(v, target![i]!, posWeight![of(i)]!))),
    });
  });

  test.each([[4], [5, 1], [1, 2, 5], [2, 1, 5]])("refuses shape %j for [2,4,5]", (...weight) => {
    const x = metaTensor([2, 4, 5]);
    const shape = `[${weight.join(",")}]`;
    expect(() => bceWithLogits(x, x, { posWeight: metaTensor(weight) })).toThrow(
      `bceWithLogits: posWeight: expected one value, or axes of x [2,4,5], got ${shape}`,
    );
  });

  test("refuses integers", () => {
    const x = metaTensor([2]);
    expect(() => bceWithLogits(x, x, { posWeight: metaTensor([2], "i32") })).toThrow(
      "posWeight: expected f32, got i32",
    );
  });
});

test("logits of any size give finite losses and gradients, and small losses keep their digits", async () => {
  using _scope = new Scope();
  const x = tensor([1e4, -1e4, 1e4, -1e4, 20, -30]);
  x.requiresGrad = true;
  using tape = new Tape();
  const y = tape.keep(bceWithLogits(x, tensor([1, 0, 0, 1, 1, 0]), { reduction: "none" }));
  tape.backward(y, tensor([1, 1, 1, 1, 1, 1]));
  const [loss, dx] = await readAll(y, x.grad!);
  expect([...loss!.slice(0, 4)]).toEqual([0, 0, 1e4, 1e4]);
  expect([...dx!.slice(0, 4)].map((v) => v + 0)).toEqual([0, 0, 1, -1]);
  expect(loss![4]! / Math.exp(-20)).toBeCloseTo(1, 5);
  expect(dx![5]! / Math.exp(-30)).toBeCloseTo(1, 5);
  x.grad!.dispose();
});
