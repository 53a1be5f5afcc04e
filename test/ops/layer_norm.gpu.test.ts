import { describe, expect, test } from "vitest";
import { LayerNorm } from "../../src/nn/index.ts";
import { type LayerNormOptions, layerNorm } from "../../src/ops/layer_norm.ts";
import { metaTensor, numel, readAll, Scope, type Shape, tensor } from "../../src/tensor/index.ts";
import { layerCase, rowNorm } from "../reference/row_norm.ts";
import { expectClose } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";
import { expectLayerReplay } from "../support/replay.ts";

// One lane, eight and 64 per row; several normalised axes; rows that do not fill a workgroup.
const cases: { x: Shape; shape: Shape }[] = [
  { x: [5], shape: [5] },
  { x: [7, 5], shape: [5] },
  { x: [100, 96], shape: [96] },
  { x: [3, 2500], shape: [2500] },
  { x: [4, 3, 5, 2], shape: [3, 5, 2] },
  { x: [2, 3, 4], shape: [2, 3, 4] },
  { x: [6, 1], shape: [1] },
];

describe("values and gradients", () => {
  test.each(cases)("of $x over $shape", async ({ x, shape }) => {
    const length = numel(shape);
    await gradcheck({
      inputs: {
        x: { data: randomArray(numel(x), 1, 2), shape: x },
        weight: { data: randomArray(length, 2), shape },
        bias: { data: randomArray(length, 3), shape },
      },
      op: ({ x, weight, bias }) => layerNorm(x!, shape, { weight: weight!, bias: bias!, eps: 1e-3 }),
      reference: ({ x, weight, bias }) => rowNorm(x!, layerCase(length, 1e-3), weight, bias),
    });
  });

  test.each([
    ["without weight and bias", []],
    ["without weight", ["bias"]],
    ["without bias", ["weight"]],
  ] as const)("%s", async (_, parts) => {
    const some = Object.fromEntries(parts.map((part, i) => [part, { data: randomArray(6, 2 + i), shape: [6] }]));
    await gradcheck({
      inputs: { x: { data: randomArray(30, 1), shape: [5, 6] }, ...some },
      op: ({ x, ...affine }) => layerNorm(x!, [6], affine as LayerNormOptions),
      reference: ({ x, weight, bias }) => rowNorm(x!, layerCase(6), weight, bias),
    });
  });

  test("of weights alone, with a constant x", async () => {
    const shape = [70];
    await gradcheck({
      inputs: { x: { data: randomArray(280, 1), shape: [4, 70] }, weight: { data: randomArray(70, 2), shape } },
      frozen: ["x"],
      op: ({ x, weight }) => layerNorm(x!, shape, { weight: weight! }),
      reference: ({ x, weight }) => rowNorm(x!, layerCase(70), weight),
    });
  });
});

test.each([3, 100, 5000])("a mean of 1e5 and a deviation of 1 keep their digits in rows of %i", async (length) => {
  using _scope = new Scope();
  // Multiples of 1/64 are exact next to 1e5. The first number is an outlier, so that the shift is not the mean.
  const x = randomArray(2 * length, 5).map((v) => 100_000 + Math.round(v * 64) / 64);
  for (let row = 0; row < 2; row++) x[row * length] = 100_012;
  const y = await layerNorm(tensor(x, [2, length]), [length]).data();
  expectClose(y, rowNorm(x, layerCase(length)), { rtol: 2e-6, atol: 1e-6 });
});

test("a constant row gives the bias", async () => {
  using _scope = new Scope();
  const y = await layerNorm(tensor(new Float32Array(8).fill(7), [2, 4]), [4], { bias: tensor([1, 2, 3, 4]) }).data();
  expect([...y]).toEqual([1, 2, 3, 4, 1, 2, 3, 4]);
});

test("shifting a row by a power of two changes nothing, scaling it little", async () => {
  using _scope = new Scope();
  const x = randomArray(40, 6).map((v) => Math.round(v * 1024) / 1024);
  const [near, far, scaled] = await readAll(
    ...[x, x.map((v) => v + 256), x.map((v) => v * 64)].map((v) => layerNorm(tensor(v, [4, 10]), [10])),
  );
  expectClose(far!, near!, { rtol: 1e-6, atol: 1e-6 });
  expectClose(scaled!, near!, { rtol: 1e-4, atol: 1e-4 }); // eps weighs less
});

test("a replayed step equals an eager one, bit for bit", () => expectLayerReplay(() => new LayerNorm(12), [5, 12]));

test("shapes and errors", () => {
  const x = metaTensor([2, 3, 4]);
  expect(layerNorm(x, [3, 4]).shape).toEqual([2, 3, 4]);
  const message = "layerNorm: shape: expected the last axes of x, got [3] (x [2,3,4])";
  expect(() => layerNorm(x, [3])).toThrow(message);
  expect(() => layerNorm(x, [1, 2, 3, 4])).toThrow("shape: expected the last axes of x, got [1,2,3,4]");
  expect(() => layerNorm(x, [])).toThrow("layerNorm: shape: expected the sizes of the last axes of x, such as [64]");
  expect(() => layerNorm(x, 4 as never)).toThrow("shape: expected the sizes of the last axes of x");
  expect(() => layerNorm(x, [4], { weight: metaTensor([3]) })).toThrow("layerNorm: weight: expected [4], got [3]");
  expect(() => layerNorm(x, [4], { bias: metaTensor([1, 4]) })).toThrow("layerNorm: bias: expected [4], got [1,4]");
  expect(() => layerNorm(metaTensor([4], "i32"), [4])).toThrow("layerNorm: x: expected f32 or f16, got i32");
  expect(() => layerNorm(x, [4], { eps: 0 })).toThrow("layerNorm: eps: expected a number > 0, got 0");
});

test("the layer has PyTorch's names and defaults", () => {
  const names = (layer: LayerNorm) => [...layer.namedState()].map(([name, t]) => [name, t.shape, t.initialValues()[0]]);
  expect(names(new LayerNorm([3, 4]))).toEqual([
    ["weight", [3, 4], 1],
    ["bias", [3, 4], 0],
  ]);
  expect(names(new LayerNorm(5, { bias: false }))).toEqual([["weight", [5], 1]]);
  expect(names(new LayerNorm(5, { elementwiseAffine: false }))).toEqual([]);
  const layer = new LayerNorm(5);
  expect([layer.eps, layer.parameters().some((p) => p.prunable)]).toEqual([1e-5, false]);
  expect(layer.forward(metaTensor([2, 5])).shape).toEqual([2, 5]);
  expect(() => layer.forward(metaTensor([2, 4]))).toThrow("layerNorm: shape: expected the last axes of x, got [5]");
  expect(() => new LayerNorm(5, { affine: true } as never)).toThrow("LayerNorm: unknown option affine");
});
