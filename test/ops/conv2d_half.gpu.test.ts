// Convolutions of f16 activations against float64 of the same values: forward, and all gradients.
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { currentGpu, setCurrentGpu } from "../../src/gpu/index.ts";
import { enableNaiveConvolution } from "../../src/ops/conv/naive.ts";
import { convTranspose2d } from "../../src/ops/conv_transpose2d.ts";
import { type ConvAlgorithm, conv2d } from "../../src/ops/conv2d.ts";
import { type DType, metaTensor, readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { asHardware } from "../../tools/golden/hardware.ts";
import { type ConvCase, convolve, convolveGradients, resultShape, weightShape } from "../reference/conv2d.ts";
import { HALF_ROUNDING, roundedToHalf, testHalf } from "../support/half.ts";
import { randomArray } from "../support/random.ts";

enableNaiveConvolution();

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const values = (shape: readonly number[], seed: number) => roundedToHalf(randomArray(product(shape), seed));
const plain = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 } as const;
const cases: Record<string, ConvCase> = {
  "3x3 of odd planes": { ...plain, x: [2, 5, 9, 7], outputs: 11, kernel: [3, 3], padding: [1, 1] },
  "3x3, four stored at once": { ...plain, x: [2, 3, 4, 6], outputs: 9, kernel: [3, 3], padding: [1, 1] },
  "1x1, four loaded at once": { ...plain, x: [2, 18, 6, 6], outputs: 20, kernel: [1, 1] },
  "5x3 of stride 2, in groups": {
    ...plain,
    x: [1, 6, 9, 8],
    outputs: 4,
    kernel: [5, 3],
    stride: [2, 2],
    padding: [2, 1],
    groups: 2,
  },
  depthwise: { ...plain, x: [1, 4, 6, 8], outputs: 4, kernel: [3, 3], padding: [1, 1], groups: 4 },
};

/** Expect values within 2e-6 of the largest for f32; f16 is rounded once more. */
function expectNear(got: ArrayLike<number>, want: ArrayLike<number>, dtype: DType, what: string): void {
  const largest = Math.max(...Array.from(want, Math.abs));
  for (let i = 0; i < want.length; i++) {
    const rounding = dtype === "f16" ? HALF_ROUNDING * Math.abs(want[i]!) + 2 ** -24 : 0;
    expect(Math.abs(got[i]! - want[i]!), `${what} ${i}`).toBeLessThanOrEqual(2e-6 * largest + rounding);
  }
}

/** Run an op on f16 x with f32 parameters. Returns y and the gradients of x, weight and bias. */
async function run(
  op: (x: Tensor, w: Tensor, b: Tensor) => Tensor,
  x: Tensor,
  w: Tensor,
  b: Tensor,
  dy: ArrayLike<number>,
) {
  const leaves = [x, w, b];
  for (const leaf of leaves) leaf.requiresGrad = true;
  using tape = new Tape();
  const y = tape.keep(op(x, w, b));
  tape.backward(y, tensor(Float32Array.from(dy), y.shape, "f16"));
  expect([y.dtype, ...leaves.map(({ grad }) => grad!.dtype)]).toEqual(["f16", "f16", "f32", "f32"]);
  const got = await readAll(y, ...leaves.map(({ grad }) => grad!));
  for (const leaf of leaves) leaf.grad!.dispose();
  return got;
}

/** Compare a convolution with its reference, and the transposed one of the same sizes with the gradient. */
async function compare(c: ConvCase, algorithm: ConvAlgorithm, what: string): Promise<void> {
  using _scope = new Scope();
  const { stride, padding, dilation, groups } = c;
  const [x, w, b, dy] = [values(c.x, 1), values(weightShape(c), 2), values([c.outputs], 3), values(resultShape(c), 4)];
  const options = { stride, padding, dilation, groups, algorithm };
  const weight = tensor(w, weightShape(c));
  const got = await run((...args) => conv2d(...args, options), tensor(x, c.x, "f16"), weight, tensor(b), dy);
  const grads = convolveGradients(c, x, w, dy);
  [convolve(c, x, w, b), grads.x, grads.w, grads.b].forEach((want, i) => {
    expectNear(got[i]!, want, i < 2 ? "f16" : "f32", `${["y", "dx", "dw", "db"][i]}, ${algorithm}, ${what}`);
  });
  // The transposed convolution of y's shape computes dx, with a bias.
  const shape = convTranspose2d(metaTensor(resultShape(c)), metaTensor(weightShape(c)), null, options).shape;
  if (product(shape) !== product(c.x)) return;
  // The definition rounds before it adds a bias.
  const bias = algorithm === "naive" ? null : values([c.x[1]!], 5);
  const transposed = tensor(w, weightShape(c));
  const y = convTranspose2d(tensor(dy, resultShape(c), "f16"), transposed, bias && tensor(bias), options);
  const area = c.x[2]! * c.x[3]!;
  const want = grads.x.map((v, i) => v + (bias?.[Math.floor(i / area) % c.x[1]!] ?? 0));
  expectNear(await y.data(), want, "f16", `transposed, ${algorithm}, ${what}`);
}

for (const [name, c] of Object.entries(cases)) {
  testHalf(`${name}: every algorithm takes f16`, async () => {
    const { software, subgroupSize } = currentGpu().adapter;
    const patches: ConvAlgorithm[] = subgroupSize >= 4 ? ["plain", "broadcast"] : ["plain"];
    for (const algorithm of ["naive", "tile", ...(software ? patches : [])] as const) await compare(c, algorithm, name);
  });
}

testHalf("the kernels of a GPU take f16", async () => {
  const usual = currentGpu();
  try {
    asHardware(usual);
    await compare(cases["3x3 of odd planes"]!, "auto", "hardware");
  } finally {
    setCurrentGpu(usual);
  }
});

test("refuses f16 weights and other activations", () => {
  const [x, w] = [metaTensor([1, 1, 4, 4], "f16"), metaTensor([1, 1, 1, 1], "f16")];
  expect(() => conv2d(x, w, null)).toThrow(/weight: expected f32, got f16/);
  expect(() => convTranspose2d(x, w, null)).toThrow(/weight: expected f32, got f16/);
  const integers = metaTensor([1, 1, 4, 4], "i32");
  expect(() => conv2d(integers, metaTensor([1, 1, 1, 1]), null)).toThrow(/x: expected f32 or f16, got i32/);
  expect(() => convTranspose2d(integers, metaTensor([1, 1, 1, 1]), null)).toThrow(/x: expected f32 or f16, got i32/);
});
