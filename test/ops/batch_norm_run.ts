// One step of a batch norm with everything that comes out of it, and the comparison of that with float64.
import { Tape } from "../../src/autograd/index.ts";
import { type BatchNormOptions, batchNorm, batchNormAddRelu, batchNormRelu } from "../../src/ops/batch_norm.ts";
import { add } from "../../src/ops/binary.ts";
import { relu } from "../../src/ops/unary.ts";
import { type DType, readAll, Scope, type Tensor, tensor, zeros } from "../../src/tensor/index.ts";
import { normalise, trainingGradients } from "../reference/batch_norm.ts";
import { expectClose } from "../support/close.ts";
import { HALF_ROUNDING, roundedToHalf } from "../support/half.ts";
import { randomArray } from "../support/random.ts";

export const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
export const channel = (n: number, seed: number, base = 0) => randomArray(n, seed, 0.3).map((v) => v + base);

type PerChannel = [weight: Tensor | null, bias: Tensor | null, mean: Tensor | null, variance: Tensor | null];
/** The op. One without a residual ignores it. */
export type Norm = (x: Tensor, residual: Tensor, channels: PerChannel, options: BatchNormOptions) => Tensor;

export const norms = ["plain", "relu", "add and relu"] as const;
export type NormName = (typeof norms)[number];

export const fused: Record<NormName, Norm> = {
  plain: (x, _, channels, options) => batchNorm(x, ...channels, options),
  relu: (x, _, channels, options) => batchNormRelu(x, ...channels, options),
  "add and relu": (x, residual, channels, options) => batchNormAddRelu(x, residual, ...channels, options),
};
export const composed: Record<NormName, Norm> = {
  plain: fused.plain,
  relu: (x, _, channels, options) => relu(batchNorm(x, ...channels, options)),
  "add and relu": (x, residual, channels, options) => relu(add(batchNorm(x, ...channels, options), residual)),
};

const parts = ["y", "dx", "dresidual", "dweight", "dbias", "mean", "invstd", "runningMean", "runningVar"] as const;
export type Run = Record<(typeof parts)[number], Float32Array>;

const valuesOf = (channels: number) => ({
  weight: channel(channels, 4, 1),
  bias: channel(channels, 5),
  runningMean: channel(channels, 6, 0.4),
  runningVar: channel(channels, 7, 1.5),
});
const residualOf = (n: number) => randomArray(n, 9, 0.7);
const upstreamOf = (n: number) => randomArray(n, 8);

/** One step forward and backward. Residual, weight, bias, running statistics and dy are drawn here. */
export async function run(
  data: Float32Array,
  shape: number[],
  norm: Norm = fused.plain,
  training = true,
  dtype: DType = "f32",
): Promise<Run> {
  using _scope = new Scope();
  const channels = shape[1]!;
  const values = valuesOf(channels);
  const x = tensor(data, shape, dtype);
  const residual = tensor(residualOf(data.length), shape, dtype);
  const [weight, bias, mean, variance] = [
    tensor(values.weight),
    tensor(values.bias),
    tensor(values.runningMean),
    tensor(values.runningVar),
  ];
  const leaves = [x, residual, weight, bias];
  for (const t of leaves) t.requiresGrad = true;
  const stats = { mean: zeros([channels]), invstd: zeros([channels]) };
  let y: Tensor;
  {
    using tape = new Tape();
    y = tape.keep(norm(x, residual, [weight, bias, mean, variance], { training, stats }));
    tape.backward(y, tensor(upstreamOf(data.length), shape, dtype));
  }
  const grads = leaves.map((t) => t.grad ?? zeros(t.shape));
  const read = await readAll(y, ...grads, stats.mean, stats.invstd, mean, variance);
  for (const t of leaves) t.grad?.dispose();
  return Object.fromEntries(parts.map((part, i) => [part, read[i]])) as Run;
}

/** Compares a training step with float64; `limit` is relative to the largest value. With f16, `data` holds values of f16. */
export function expectRun(
  got: Run,
  data: Float32Array,
  shape: number[],
  name: NormName = "plain",
  limit = 3e-6,
  dtype: DType = "f32",
): void {
  const half = dtype === "f16";
  const given = (values: Float32Array) => (half ? roundedToHalf(values) : values);
  const count = data.length / shape[1]!;
  const values = valuesOf(shape[1]!);
  const residual = given(residualOf(data.length));
  const after = { relu: name !== "plain", ...(name === "add and relu" ? { residual } : {}) };
  const want = normalise({ shape, training: true, ...after }, data, values);
  const close = { rtol: half ? HALF_ROUNDING : limit, atol: 1e-6 };
  expectClose(got.y, want.y, close, "y");
  // Gated as the output was: one within rounding of 0 may fall on either side.
  const dy = given(upstreamOf(data.length)).map((g, i) => (name === "plain" || got.y[i]! > 0 ? g : 0));
  const grads = trainingGradients(shape, data, values.weight, dy);
  expectClose(got.dx, grads.x, close, "dx");
  if (name === "add and relu") expectClose(got.dresidual, dy, { rtol: 0, atol: 0 }, "dresidual");
  // Sums over all of N, H, W: their terms are of size 1 and of both signs.
  const sums = { rtol: limit, atol: 1e-7 * count + 1e-6 };
  expectClose(got.dweight, grads.weight, sums, "dweight");
  expectClose(got.dbias, grads.bias, sums, "dbias");
  const exact = { rtol: limit, atol: 1e-7 };
  for (const part of ["mean", "invstd", "runningMean", "runningVar"] as const) {
    expectClose(got[part], want[part], exact, part);
  }
}
