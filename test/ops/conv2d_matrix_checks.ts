// Checks of convolutions on matrix units, against float64 of the operands rounded to f16. The tests of the gpu project run them
// on its adapter; matrix_units.cli.test.ts runs them on a recent lavapipe.
import { convForward, convGradInput, convGradWeight } from "../../src/ops/conv/passes.ts";
import { convShape } from "../../src/ops/conv/shape.ts";
import { conv2d } from "../../src/ops/conv2d.ts";
import { type DType, empty, readAll, Scope, tensor } from "../../src/tensor/index.ts";
import { type ConvCase, convolve, convolveGradients, resultShape, weightShape } from "../reference/conv2d.ts";
import { expectClose } from "../support/close.ts";
import { type MatrixCheck, roundedToF16, SAME, tolerance } from "../support/matrix_check.ts";
import { randomArray } from "../support/random.ts";

/** The checks by their titles. */
export const CONV_CHECKS: MatrixCheck[] = [];
const check = (title: string, run: () => Promise<void>) => CONV_CHECKS.push({ title, run });

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const plain = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 } as const;

/** The results of all passes: y, dx, dw. */
async function passes(c: ConvCase, source: DType, results: DType): Promise<ArrayLike<number>[]> {
  using _scope = new Scope();
  const [xs, ws, ys] = [c.x, weightShape(c), resultShape(c)];
  const s = convShape({ shape: xs, dtype: "f32" }, { shape: ws, dtype: "f32" }, null, c);
  const [x, dy] = [tensor(randomArray(product(xs), 1), xs, source), tensor(randomArray(product(ys), 4), ys, source)];
  const [w, b] = [tensor(randomArray(product(ws), 2), ws), tensor(randomArray(c.outputs, 3))];
  const [y, dx, dw] = [empty(ys, results), empty(xs, results), empty(ws)];
  convForward(s, "matrix", { x, w, b, y });
  convGradInput(s, "matrix", { dy, w, dx });
  convGradWeight(s, "matrix", { x, dy, dw });
  return readAll(y, dx, dw);
}

async function compare(c: ConvCase, source: DType = "f16", results: DType = "f32"): Promise<void> {
  const random = (shape: readonly number[], seed: number) => roundedToF16(randomArray(product(shape), seed));
  const [x, w, dy] = [random(c.x, 1), random(weightShape(c), 2), random(resultShape(c), 4)];
  const gradients = convolveGradients(c, x, w, dy);
  const want = [convolve(c, x, w, randomArray(c.outputs, 3)), gradients.x, gradients.w];
  const got = await passes(c, source, results);
  want.forEach((values, i) => {
    expectClose(
      got[i]!,
      values,
      tolerance(i < 2 ? results : "f32"),
      `${["y", "dx", "dw"][i]} ${source} ${JSON.stringify(c)}`,
    );
  });
}

const CASES: readonly (readonly [string, ConvCase])[] = [
  ["1x1", { ...plain, x: [3, 11, 5, 6], outputs: 20, kernel: [1, 1] }],
  ["3x3, channels over one tile", { ...plain, x: [2, 9, 8, 16], outputs: 70, kernel: [3, 3], padding: [1, 1] }],
  ["3x3 in three groups", { ...plain, x: [2, 6, 5, 8], outputs: 9, kernel: [3, 3], padding: [1, 1], groups: 3 }],
  ["3x3, more pixels than a tile", { ...plain, x: [3, 5, 13, 11], outputs: 4, kernel: [3, 3], padding: [1, 1] }],
  ["5x5 stride 2", { ...plain, x: [2, 3, 11, 13], outputs: 7, kernel: [5, 5], stride: [2, 2], padding: [2, 2] }],
  ["7x7 stride 2", { ...plain, x: [2, 3, 17, 15], outputs: 6, kernel: [7, 7], stride: [2, 2], padding: [3, 3] }],
  ["3x9", { ...plain, x: [1, 4, 9, 12], outputs: 5, kernel: [3, 9], padding: [1, 4] }],
  ["1x1 stride 2: pixels that are not read", { ...plain, x: [2, 5, 6, 7], outputs: 4, kernel: [1, 1], stride: [2, 2] }],
  [
    "stride 4, dilation 6: some phases without taps",
    { ...plain, x: [1, 2, 15, 18], outputs: 2, kernel: [3, 2], stride: [4, 4], padding: [3, 0], dilation: [2, 6] },
  ],
  ["padding larger than the kernel", { ...plain, x: [1, 2, 4, 3], outputs: 3, kernel: [3, 3], padding: [5, 4] }],
  ["one pixel an image", { ...plain, x: [37, 6, 3, 3], outputs: 10, kernel: [3, 3] }],
];
for (const [name, c] of CASES) check(`matrix units convolve and compute both gradients: ${name}`, () => compare(c));

check("and from f32, into f16, with planes of whole octets or not", async () => {
  const whole: ConvCase = { ...plain, x: [2, 8, 8, 8], outputs: 24, kernel: [3, 3], padding: [1, 1] };
  const odd: ConvCase = { ...plain, x: [2, 3, 7, 5], outputs: 5, kernel: [3, 3], padding: [1, 1] };
  for (const c of [whole, odd]) {
    await compare(c, "f32", "f32");
    await compare(c, "f16", "f16");
  }
});

check("a weight gradient over many pixels is summed in slices of a fixed order, and keeps its bits", async () => {
  const c: ConvCase = { ...plain, x: [6, 3, 40, 40], outputs: 4, kernel: [3, 3], padding: [1, 1] };
  await compare(c);
  const first = await passes(c, "f16", "f32");
  const second = await passes(c, "f16", "f32");
  first.forEach((values, i) => {
    expectClose(second[i]!, values, SAME, "the second time");
  });
});

check("conv2d takes the algorithm by name", async () => {
  using _scope = new Scope();
  const x = tensor(new Float32Array(9).fill(1), [1, 1, 3, 3]);
  const y = conv2d(x, tensor([[[[1, 2]]]]), null, { algorithm: "matrix" });
  expectClose(await y.data(), [3, 3, 3, 3, 3, 3], SAME);
});
