// The second half of nonfinite_table.ts: ops whose elements meet each other.
import { enableNaiveConvolution } from "../../src/ops/conv/naive.ts";
import * as ops from "../../src/ops/index.ts";
import { numel, type Shape, type Tensor, tensor } from "../../src/tensor/index.ts";
import { adaptivePool } from "../reference/adaptive_pool.ts";
import { normalise, trainingGradients } from "../reference/batch_norm.ts";
import { type ConvCase, convolve, weightShape } from "../reference/conv2d.ts";
import { responseNorm } from "../reference/local_response_norm.ts";
import { avgPool, maxPool, maxPoolGradient } from "../reference/pool.ts";
import type { Row } from "./nonfinite_table.ts";

enableNaiveConvolution();

type Values = readonly number[];
type Rule = (x: Values) => Values;

/** Numbers that are not 0, so that a product by 0 hides nothing. */
const some = (n: number) => Array.from({ length: n }, (_, i) => ((i * 7) % 5) - 2.5 + i / n);

/** dx of a linear rule: each column of its matrix times dy, over the entries that are there. */
function adjoint(shape: Shape, rule: Rule): NonNullable<Row["dx"]> {
  const n = numel(shape);
  const unit = (j: number) => Array.from({ length: n }, (_, i) => Number(i === j));
  const zero = rule(unit(-1));
  const columns = Array.from({ length: n }, (_, j) => rule(unit(j)).map((v, i) => v - zero[i]!));
  return (_x, dy) => columns.map((column) => column.reduce((sum, v, i) => (v === 0 ? sum : sum + v * dy[i]!), 0));
}

const linear = (name: string, shape: Shape, run: Row["run"], y: Rule): Row => ({
  name,
  shape,
  run,
  y,
  dx: adjoint(shape, y),
});

const conv = (name: string, c: Partial<ConvCase>, options: ops.Conv2dOptions): Row => {
  const full: ConvCase = {
    x: [1, 2, 4, 4],
    outputs: 2,
    kernel: [3, 3],
    stride: [1, 1],
    padding: [1, 1],
    dilation: [1, 1],
    groups: 1,
    ...c,
  };
  const shape = weightShape(full);
  const w = some(numel(shape));
  return linear(
    name,
    full.x,
    (x) => ops.conv2d(x, tensor(w, shape), null, options),
    (x) => [...convolve(full, x, w)],
  );
};

const W = some(12);
const product: Rule = (x) => {
  const rows = x.length / 3;
  return Array.from({ length: rows * 4 }, (_, k) => {
    const [i, j] = [Math.floor(k / 4), k % 4];
    return [0, 1, 2].reduce((sum, t) => sum + x[i * 3 + t]! * W[t * 4 + j]!, 0);
  });
};
const transposed = Array.from({ length: 12 }, (_, i) => W[(i % 3) * 4 + Math.floor(i / 3)]!);
const POOL = { x: [1, 1, 4, 4], kernel: [2, 2], stride: [2, 2], padding: [0, 0], ceilMode: false } as const;
const OVERLAP = { ...POOL, kernel: [3, 3], stride: [1, 1], padding: [1, 1] } as const;
const total = (x: Values) => x.reduce((a, b) => a + b, 0);

const LINEAR: Row[] = [
  conv("conv2d", {}, { padding: 1 }),
  conv("conv2d", { kernel: [1, 1], padding: [0, 0] }, {}),
  conv("conv2d", { groups: 2 }, { padding: 1, groups: 2 }),
  conv("conv2d", {}, { padding: 1, algorithm: "naive" }),
  linear("matmul", [5, 3], (x) => ops.matmul(x, tensor(W, [3, 4])), product),
  linear("linear", [5, 3], (x) => ops.linear(x, tensor(transposed, [4, 3]), null), product),
  linear(
    "sum",
    [3, 5],
    (x) => ops.sum(x, { axes: [1] }),
    (x) => rowsOf(x, 5).map(total),
  ),
  linear(
    "mean",
    [3, 5],
    (x) => ops.mean(x),
    (x) => [total(x) / x.length],
  ),
  linear(
    "avgPool2d",
    POOL.x,
    (x) => ops.avgPool2d(x, { kernel: 2 }),
    (x) => [...avgPool(POOL, true, x)],
  ),
  linear(
    "adaptiveAvgPool2d",
    POOL.x,
    (x) => ops.adaptiveAvgPool2d(x, { outputSize: 3 }),
    (x) => [...adaptivePool([1, 1, 4, 4], [3, 3], x)],
  ),
  linear(
    "cast",
    [2, 4],
    (x) => ops.cast(x, "f32"),
    (x) => x,
  ),
  linear(
    "reshape",
    [2, 4],
    (x) => ops.reshape(x, { shape: [8] }),
    (x) => x,
  ),
  linear(
    "flatten",
    [2, 2, 2],
    (x) => ops.flatten(x, { startAxis: 1 }),
    (x) => x,
  ),
  linear(
    "expand",
    [1, 3],
    (x) => ops.expand(x, { shape: [2, 3] }),
    (x) => [...x, ...x],
  ),
  linear(
    "narrow",
    [3, 2],
    (x) => ops.narrow(x, { axis: 0, start: 1, length: 2 }),
    (x) => x.slice(2),
  ),
  linear(
    "concat",
    [2, 2],
    (x) => ops.concat([x, tensor([1, 2], [1, 2])], { axis: 0 }),
    (x) => [...x, 1, 2],
  ),
  linear(
    "permute",
    [2, 3],
    (x) => ops.permute(x, [1, 0]),
    (x) => [0, 3, 1, 4, 2, 5].map((i) => x[i]!),
  ),
  linear(
    "transpose",
    [2, 2, 2],
    (x) => ops.transpose(x, 0, -1),
    (x) => [0, 4, 2, 6, 1, 5, 3, 7].map((i) => x[i]!),
  ),
  linear(
    "pad",
    [2, 3],
    (x) => ops.pad(x, [1, 0, 0, 1], { value: 2 }),
    (x) => [2, ...x.slice(0, 3), 2, ...x.slice(3), 2, 2, 2, 2],
  ),
  linear(
    "pad",
    [4],
    (x) => ops.pad(x, [1, 2], { mode: "reflect" }),
    (x) => [1, 0, 1, 2, 3, 2, 1].map((i) => x[i]!),
  ),
  linear(
    "pad",
    [3],
    (x) => ops.pad(x, [2, 1], { mode: "replicate" }),
    (x) => [0, 0, 0, 1, 2, 2].map((i) => x[i]!),
  ),
  linear(
    "where",
    [4],
    (x) => ops.where(tensor([1, 0, 1, 0]), x, 3),
    (x) => [x[0]!, 3, x[2]!, 3],
  ),
  linear(
    "gather",
    [2, 3],
    (x) => ops.gather(x, 1, tensor(Int32Array.of(2, 0, 1, 1), [2, 2])),
    (x) => [2, 0, 4, 4].map((i) => x[i]!),
  ),
  linear(
    "embedding",
    [3, 2],
    (x) => ops.embedding(tensor(Int32Array.of(2, 0, 2)), x),
    (x) => [4, 5, 0, 1, 4, 5].map((i) => x[i]!),
  ),
  linear(
    "timeMajor",
    [2, 2, 2],
    (x) => ops.timeMajor(x),
    (x) => [0, 1, 4, 5, 2, 3, 6, 7].map((i) => x[i]!),
  ),
];

function rowsOf(x: Values, length: number): Values[] {
  return Array.from({ length: x.length / length }, (_, i) => x.slice(i * length, (i + 1) * length));
}
/** Place of the first NaN, else of the first of the largest. */
function leader(x: Values): number {
  const lost = x.findIndex(Number.isNaN);
  return lost >= 0 ? lost : x.indexOf(Math.max(...x));
}
const maxOf = (length: number, terms: number): Row => ({
  name: "max",
  shape: [length, terms],
  run: (x) => ops.max(x, { axes: [1] }),
  y: (x) => rowsOf(x, terms).map((r) => r[leader(r)]!),
  dx: (x, dy) => rowsOf(x, terms).flatMap((r, i) => r.map((_, k) => (k === leader(r) ? dy[i]! : 0))),
});
/** The reference's search has no rule for NaN: treat NaN as the largest. */
const seen = (x: Values) => x.map((v) => (Number.isNaN(v) ? Number.MAX_VALUE : v));
const pooled =
  (c: Parameters<typeof maxPool>[0]): Rule =>
  (x) => {
    const { y } = maxPool(c, seen(x));
    return [...y].map((v) => (v === Number.MAX_VALUE ? Number.NaN : v));
  };
const pool = (name: string, c: Parameters<typeof maxPool>[0], run: Row["run"]): Row => ({
  name,
  shape: c.x,
  run,
  y: pooled(c),
  dx: (x, dy) => [...maxPoolGradient(c, maxPool(c, seen(x)).place, dy)],
});

const softmaxOf = (x: Values) => {
  const e = x.map((v) => Math.exp(v - Math.max(...x)));
  return e.map((v) => v / total(e));
};
const C = 5;
const TARGET = [1, 2, 0];
const target = () => tensor(Int32Array.from(TARGET));
const SOFT: Row[] = [
  {
    name: "softmax",
    shape: [3, C],
    run: (x) => ops.softmax(x, { axis: 1 }),
    y: (x) => rowsOf(x, C).flatMap(softmaxOf),
    dx: (x, dy) =>
      rowsOf(x, C).flatMap((row, r) => {
        const p = softmaxOf(row);
        const dot = p.reduce((sum, v, i) => sum + v * dy[r * C + i]!, 0);
        return p.map((v, i) => v * (dy[r * C + i]! - dot));
      }),
  },
  {
    name: "logSoftmax",
    shape: [3, C],
    run: (x) => ops.logSoftmax(x, { axis: 1 }),
    y: (x) =>
      rowsOf(x, C).flatMap((row) =>
        row.map((v) => v - Math.max(...row) - Math.log(total(row.map((u) => Math.exp(u - Math.max(...row)))))),
      ),
    dx: (x, dy) =>
      rowsOf(x, C).flatMap((row, r) => {
        const sum = total(dy.slice(r * C, (r + 1) * C));
        return softmaxOf(row).map((p, i) => dy[r * C + i]! - p * sum);
      }),
  },
  {
    name: "crossEntropy",
    shape: [3, C],
    run: (x) => ops.crossEntropy(x, target(), { reduction: "none" }),
    y: (x) =>
      rowsOf(x, C).map(
        (row, r) =>
          Math.max(...row) - row[TARGET[r]!]! + Math.log(total(row.map((u) => Math.exp(u - Math.max(...row))))),
      ),
    dx: (x, dy) =>
      rowsOf(x, C).flatMap((row, r) => softmaxOf(row).map((p, i) => dy[r]! * (p - Number(TARGET[r] === i)))),
  },
  {
    // Not an op of PyTorch: rows with a NaN have no largest logit, so the count is none either.
    name: "countCorrect",
    shape: [3, C],
    run: (x) => ops.countCorrect(x, target()),
    y: (x) => [x.some(Number.isNaN) ? Number.NaN : rowsOf(x, C).filter((row, r) => leader(row) === TARGET[r]).length],
    dx: null,
  },
];

const NORM: Shape = [2, 2, 4];
const [weight, bias, mean, variance] = [
  [1.5, -0.5],
  [0.25, 1],
  [0.1, -0.2],
  [0.9, 1.2],
] as const;
const channel = (v: Values) => tensor([...v], [2]);
const tensors = () => [channel(weight), channel(bias), channel(mean), channel(variance)] as const;
const RESIDUAL = some(16);
const values = { weight, bias, runningMean: mean, runningVar: variance };
const normed =
  (training: boolean, relu = false, residual?: Values): Rule =>
  (x) => [
    ...normalise(
      { shape: NORM, training, relu, ...(residual ? { residual } : {}) } as Parameters<typeof normalise>[0],
      x,
      values,
    ).y,
  ];
/** In evaluation dx is weight / sqrt(var + eps) times what the ReLU lets pass: all but what is at or below 0. */
const evalGradient =
  (after: Rule): NonNullable<Row["dx"]> =>
  (x, dy) =>
    x.map((_, i) => {
      const k = Math.floor(i / 4) % 2;
      const open = !(after(x)[i]! <= 0);
      return ((weight[k] as number) / Math.sqrt((variance[k] as number) + 1e-5)) * (open ? dy[i]! : 0);
    });
const norm = (name: string, run: Row["run"], y: Rule, dx: Row["dx"]): Row => ({ name, shape: NORM, run, y, dx });
const all = normed(false);
const BATCH_NORM: Row[] = [
  norm(
    "batchNorm",
    (x) => ops.batchNorm(x, ...tensors(), { training: true }),
    normed(true),
    (x, dy) => [...trainingGradients(NORM, x, weight, dy).x],
  ),
  norm(
    "batchNorm",
    (x) => ops.batchNorm(x, ...tensors()),
    all,
    evalGradient((x) => x.map(() => 1)),
  ),
  norm("batchNormRelu", (x) => ops.batchNormRelu(x, ...tensors()), normed(false, true), evalGradient(all)),
  norm("batchNormRelu", (x) => ops.batchNormRelu(x, ...tensors(), { training: true }), normed(true, true), null),
  norm(
    "batchNormAddRelu",
    (x) => ops.batchNormAddRelu(x, tensor(RESIDUAL, NORM), ...tensors()),
    normed(false, true, RESIDUAL),
    evalGradient(normed(false, false, RESIDUAL)),
  ),
  norm(
    "batchNormAddRelu",
    (x) => ops.batchNormAddRelu(tensor(RESIDUAL, NORM), x, ...tensors()),
    (x) => x.map((v, i) => Math.max(v + all(RESIDUAL)[i]!, 0)),
    (x, dy) => x.map((v, i) => (v + all(RESIDUAL)[i]! <= 0 ? 0 : dy[i]!)),
  ),
];

const LRN = { shape: [1, 3, 2], size: 3, alpha: 0.5, beta: 0.75, k: 1 } as const;
// A comparison with NaN is false, in SpikingJelly too: no spike, and the potential stays NaN. One formula serves all kinds,
// H = V + (rest - V) · leak + X: without a leak an infinity is NaN a step later.
const T = 3;
/** SpikingJelly's hard reset to 0: infinity is NaN after its spike. */
const reset = (h: number, spike: boolean) => (1 - Number(spike)) * h;
const fires = (x: Values, of: "s" | "v") =>
  rowsOf(x, x.length / T).reduce<{ v: Values; out: Values }>(
    ({ v, out }, current) => {
      const h = v.map((p, i) => p + (0 - p) * 0 + current[i]!);
      const s = h.map((p) => p >= 1);
      const after = h.map((p, i) => reset(p, s[i] === true));
      return { v: after, out: [...out, ...(of === "s" ? s.map(Number) : after)] };
    },
    { v: new Array<number>(x.length / T).fill(0), out: [] },
  ).out;
const hard = { vThreshold: 1, vReset: 0 };
const neurons = (name: string, run: Row["run"], y: Rule): Row => ({ name, shape: [T, 1, 4], run, y, dx: null });
const isIf = { ...hard, neuron: "IF" } as const;
/** With tau 2 and the input not decayed, H = V / 2 + X. */
const leaky: Rule = (x) => {
  let v = [0, 0, 0, 0];
  return rowsOf(x, 4).flatMap((current) => {
    const h = v.map((p, i) => p / 2 + current[i]!);
    v = h.map((p) => reset(p, p >= 1));
    return h.map((p) => Number(p >= 1));
  });
};
const leak = { ...hard, decayInput: false };
const SPIKING: Row[] = [
  neurons(
    "integrateAndFire",
    (x) => ops.integrateAndFire(x, null, hard),
    (x) => fires(x, "s"),
  ),
  neurons(
    "membranePotential",
    (x) => ops.membranePotential(x, null, null, { ...isIf, of: "v" }),
    (x) => fires(x, "v"),
  ),
  neurons("lif", (x) => ops.lif(x, null, { ...leak, tau: 2 }), leaky),
  neurons("plif", (x) => ops.plif(x, tensor([0]), null, leak), leaky),
  {
    ...neurons(
      "batchNormNeuron",
      (x) => ops.batchNormNeuron(x, ...tensors(), null, { ...isIf, timeSteps: 2 }),
      (x) =>
        rowsOf(all(x), 8).reduce<{ v: number[]; out: number[] }>(
          ({ v, out }, current) => {
            const h = v.map((p, i) => p + (0 - p) * 0 + current[i]!);
            return { v: h.map((p) => reset(p, p >= 1)), out: [...out, ...h.map((p) => Number(p >= 1))] };
          },
          { v: new Array<number>(8).fill(0), out: [] },
        ).out,
    ),
    shape: NORM,
  },
];

const OTHERS: Row[] = [
  maxOf(3, 5),
  maxOf(2, 70),
  pool("maxPool2d", POOL, (x) => ops.maxPool2d(x, { kernel: 2 })),
  pool("maxPool2d", OVERLAP, (x) => ops.maxPool2d(x, { kernel: 3, stride: 1, padding: 1 })),
  {
    ...pool("maxPool2dIndices", POOL, (x) => ops.maxPool2dIndices(x, { kernel: 2 })),
    y: (x) => [...maxPool(POOL, seen(x)).place],
    dx: null,
  },
  {
    name: "localResponseNorm",
    shape: LRN.shape,
    run: (x) => ops.localResponseNorm(x, { size: 3, alpha: 0.5, beta: 0.75, k: 1 }),
    y: (x) => [...responseNorm(LRN, x)],
    dx: null,
  },
  // Bits: whatever is not 0 is a spike.
  {
    name: "packSpikes",
    shape: [7],
    run: (x) => ops.packSpikes(x),
    y: (x) => [x.reduce((word, v, i) => word | (v === 0 ? 0 : 1 << i), 0)],
    dx: null,
  },
];

export const STRUCTURE_ROWS: readonly Row[] = [...LINEAR, ...SOFT, ...BATCH_NORM, ...SPIKING, ...OTHERS];
/** Their inputs are integers, which hold no NaN. */
export const OF_INTEGERS = ["unpackSpikes", "bytesToImages"];
export type { Tensor };
