// Norms of rows, softmax, maxima and losses of f16 activations: the f32 results of the same values, which other tests compare with
// float64. Results in f16 are rounded once; losses and the gradients of weights are f32.
import { describe, expect } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import {
  bceWithLogits,
  countCorrect,
  crossEntropy,
  groupNorm,
  huberLoss,
  layerNorm,
  logSoftmax,
  max,
  mseLoss,
  softmax,
} from "../../src/ops/index.ts";
import { countInto } from "../../src/ops/loss/count_into.ts";
import { type DType, empty, numel, readAll, Scope, type Shape, type Tensor, tensor } from "../../src/tensor/index.ts";
import { softmaxReference } from "../reference/axes.ts";
import { crossEntropyReference } from "../reference/cross_entropy.ts";
import { groupCase, layerCase, rowNorm, rowNormGradient } from "../reference/row_norm.ts";
import { expectClose } from "../support/close.ts";
import { HALF_ROUNDING, roundedToHalf, testHalf } from "../support/half.ts";
import { randomArray, randomInts } from "../support/random.ts";

/** Leaves that get gradients: activations in the dtype under test, weights in f32. */
type Op = (x: Tensor, weights: readonly Tensor[]) => Tensor;

interface Row {
  readonly name: string;
  readonly shape: Shape;
  readonly weights?: readonly Shape[];
  readonly run: Op;
  /** True if the result is f32 whatever the dtype of x. */
  readonly loss?: boolean;
  /** True if backward reads the result, which is rounded. */
  readonly savesResult?: boolean;
}

const half = { rtol: HALF_ROUNDING, atol: 1e-7 };
const saved = { rtol: 4 * HALF_ROUNDING, atol: 1e-7 };
const exact = { rtol: 2e-6, atol: 1e-7 };

/** Result and gradients of one pass. */
async function pass({ shape, weights = [], run, loss = false }: Row, dtype: DType): Promise<Float32Array[]> {
  using _scope = new Scope();
  const x = tensor(roundedToHalf(randomArray(numel(shape), 1, 2)), shape, dtype);
  const affine = weights.map((w, i) => tensor(randomArray(numel(w), 2 + i), w));
  const leaves = [x, ...affine];
  for (const t of leaves) t.requiresGrad = true;
  using tape = new Tape();
  const y = tape.keep(run(x, affine));
  const dy = roundedToHalf(randomArray(y.numel, 9));
  tape.backward(y, tensor(dy, y.shape, y.dtype));
  const read = (await readAll(y, ...leaves.map((t) => t.grad!))) as Float32Array[];
  expect([y.dtype, x.grad!.dtype]).toEqual([loss ? "f32" : dtype, dtype]);
  for (const t of leaves) t.grad!.dispose();
  return read;
}

const labels = (rows: number, classes: number) => tensor(randomInts(rows, classes, 5));
const target = (x: Tensor, dtype: DType) => tensor(randomArray(x.numel, 7).map(Math.abs), x.shape, dtype);

// Rows of one lane, of eight and of a workgroup; odd lengths; planes of a group.
const rows: Row[] = [
  ...(
    [
      [7, 5],
      [100, 96],
      [3, 2501],
    ] as const
  ).flatMap(([n, length]): Row[] => [
    {
      name: "layerNorm",
      shape: [n, length],
      weights: [[length], [length]],
      run: (x, [weight, bias]) => layerNorm(x, [length], { weight: weight!, bias: bias! }),
    },
    { name: "softmax", shape: [n, length], run: (x) => softmax(x), savesResult: true },
    { name: "logSoftmax", shape: [n, length], run: (x) => logSoftmax(x), savesResult: true },
    { name: "max", shape: [n, length], run: (x) => max(x, { axes: [1] }) },
    {
      name: "crossEntropy",
      shape: [n, length],
      loss: true,
      run: (x) => crossEntropy(x, labels(n, length), { labelSmoothing: 0.1 }),
    },
    {
      name: "crossEntropy, none",
      shape: [n, length],
      loss: true,
      run: (x) => crossEntropy(x, labels(n, length), { reduction: "none" }),
    },
  ]),
  {
    name: "groupNorm",
    shape: [3, 6, 5, 7],
    weights: [[6], [6]],
    run: (x, [weight, bias]) => groupNorm(x, 2, { weight: weight!, bias: bias! }),
  },
  { name: "groupNorm without weights", shape: [2, 8, 30, 30], run: (x) => groupNorm(x, 4) },
  { name: "softmax over the first axis", shape: [70, 33], run: (x) => softmax(x, { axis: 0 }), savesResult: true },
  { name: "max over two axes", shape: [3, 4, 5, 6], run: (x) => max(x, { axes: [0, 2] }) },
  ...(["f32", "f16"] as const).flatMap((dtype): Row[] => [
    { name: `mseLoss, target ${dtype}`, shape: [3, 7], loss: true, run: (x) => mseLoss(x, target(x, dtype)) },
    {
      name: `huberLoss, target ${dtype}`,
      shape: [4, 8],
      loss: true,
      run: (x) => huberLoss(x, target(x, dtype), { reduction: "none" }),
    },
    {
      name: `bceWithLogits, target ${dtype}`,
      shape: [5, 6],
      loss: true,
      run: (x) => bceWithLogits(x, target(x, dtype), { posWeight: tensor(randomArray(6, 8).map(Math.abs)) }),
    },
  ]),
];

for (const row of rows) {
  testHalf(`${row.name} of [${row.shape}]`, async () => {
    const [wide, got] = [await pass(row, "f32"), await pass(row, "f16")];
    expectClose(got[0]!, wide[0]!, row.loss ? exact : half, "result");
    expectClose(got[1]!, wide[1]!, row.savesResult ? saved : half, "gradient of x");
    for (let i = 2; i < got.length; i++) expectClose(got[i]!, wide[i]!, exact, `gradient of weight ${i - 2}`);
  });
}

describe("against float64 of the rounded values", () => {
  const shape = [6, 75];
  const values = roundedToHalf(randomArray(numel(shape), 1, 3));
  const x = () => tensor(values, shape, "f16");

  testHalf("crossEntropy", async () => {
    using _scope = new Scope();
    const of = randomInts(6, 75, 5);
    const loss = crossEntropy(x(), tensor(of), { reduction: "none" });
    expectClose(await loss.data(), crossEntropyReference(Float64Array.from(values), of, 75, 0), exact);
  });

  testHalf("softmax", async () => {
    using _scope = new Scope();
    expectClose(await softmax(x()).data(), softmaxReference(Float64Array.from(values), shape, 1, false), half);
  });

  testHalf("layerNorm and groupNorm, forward and backward", async () => {
    const plane = [2, 6, 5, 5];
    for (const [given, of, run] of [
      [shape, layerCase(75), (t: Tensor) => layerNorm(t, [75])],
      [plane, groupCase(plane, 3), (t: Tensor) => groupNorm(t, 3)],
    ] as const) {
      using _scope = new Scope();
      const data = roundedToHalf(randomArray(numel(given), 1, 3));
      const dy = roundedToHalf(randomArray(numel(given), 2));
      const t = tensor(data, given, "f16");
      t.requiresGrad = true;
      using tape = new Tape();
      const y = tape.keep(run(t));
      tape.backward(y, tensor(dy, given, "f16"));
      expectClose(await y.data(), rowNorm(data, of), half);
      expectClose(await t.grad!.data(), rowNormGradient(data, dy, of), half);
      t.grad!.dispose();
    }
  });
});

testHalf("the gradient of a confident row keeps its digits", async () => {
  using _scope = new Scope();
  const x = tensor([12, 0, 1], [1, 3], "f16");
  x.requiresGrad = true;
  using tape = new Tape();
  tape.backward(crossEntropy(x, tensor(Int32Array.of(0))));
  const e = [12, 0, 1].map(Math.exp);
  const total = e[0]! + e[1]! + e[2]!;
  expectClose(await x.grad!.data(), [-(e[1]! + e[2]!) / total, e[1]! / total, e[2]! / total], { rtol: 2e-3, atol: 0 });
  x.grad!.dispose();
});

testHalf("countCorrect", async () => {
  for (const [n, classes] of [
    [70, 10],
    [37, 100],
    [5, 1000],
  ] as const) {
    using _scope = new Scope();
    const values = randomArray(n * classes, 3, 4).map(Math.round);
    const of = randomInts(n, classes, 5);
    const [wide, halves] = (["f32", "f16"] as const).map((dtype) => tensor(values, [n, classes], dtype));
    const [cpu, gpu] = [empty([]), empty([])];
    countInto(cpu, halves!, tensor(of), true);
    countInto(gpu, halves!, tensor(of), false);
    const want = await countCorrect(wide!, tensor(of)).item();
    expect([await cpu.item(), await gpu.item()]).toEqual([want, want]);
  }
});
