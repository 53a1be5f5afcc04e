// Ops on f16 activations: all arithmetic is f32, so that a result is the f32 result of the same values, rounded once.
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import {
  abs,
  adaptiveAvgPool2d,
  add,
  avgPool2d,
  bytesToImages,
  clamp,
  concat,
  conv2d,
  div,
  dropout,
  dropoutWithMask,
  encodeLatency,
  encodePoisson,
  expand,
  gather,
  gelu,
  gt,
  integrateAndFire,
  leakyRelu,
  lif,
  localResponseNorm,
  maximum,
  maxPool2d,
  maxPool2dIndices,
  membranePotential,
  mul,
  narrow,
  packSpikes,
  pad,
  permute,
  plif,
  pow,
  relu,
  relu6,
  sewConnect,
  sigmoid,
  silu,
  stochasticDepth,
  sub,
  tanh,
  timeMajor,
  transpose,
  upsample,
  where,
} from "../../src/ops/index.ts";
import { type DType, metaTensor, readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { HALF_ROUNDING, roundedToHalf, testHalf } from "../support/half.ts";
import { randomArray } from "../support/random.ts";

/** An op with the shapes of its activations. Further tensors are made by `run`, in f32. */
interface Row {
  readonly name: string;
  readonly shapes: readonly (readonly number[])[];
  readonly run: (...inputs: Tensor[]) => Tensor;
  /** Dtype of the result, if it is not that of the activations. */
  readonly gives?: DType;
  /** Error of the gradient relative to its largest element, where backward reads a saved result, which is rounded. */
  readonly gradient?: number;
  readonly differentiable?: boolean;
}

const SAVED = 4 * HALF_ROUNDING;
const draw = () => ({ p: 0.3, seed: 5, stream: 1, step: tensor(Uint32Array.of(3), []) });
const leak = () => tensor([0.3], []);
// Whole quads and others; odd counts end in half a word.
const ODD = [3, 5, 7] as const;
const WHOLE = [2, 4, 8, 8] as const;

const elementwise: Row[] = (
  [
    ["relu", relu],
    ["relu6", relu6, SAVED],
    ["sigmoid", sigmoid, SAVED],
    ["tanh", tanh, SAVED],
    ["silu", silu],
    ["gelu", gelu],
    ["abs", abs],
    ["leakyRelu", leakyRelu],
    ["clamp", (x: Tensor) => clamp(x, { min: -0.5, max: 0.75 })],
    ["x + 1.5", (x: Tensor) => add(x, 1.5)],
    ["2 - x", (x: Tensor) => sub(2, x)],
    ["x^3", (x: Tensor) => pow(x, 3)],
    ["dropout", (x: Tensor) => dropout(x, draw())],
    ["stochasticDepth", (x: Tensor) => stochasticDepth(x, draw())],
  ] as readonly (readonly [string, (x: Tensor) => Tensor, number?])[]
).flatMap(([name, run, gradient]) => [
  { name, shapes: [ODD], run: (x) => run(x!), ...(gradient && { gradient }) },
  { name, shapes: [WHOLE], run: (x) => run(x!), ...(gradient && { gradient }) },
]);

const pairs: Row[] = (
  [
    ["add", add],
    ["mul", mul],
    ["div", div],
    ["maximum", maximum],
    ["sewConnect IAND", (a: Tensor, b: Tensor) => sewConnect(a, b, { connect: "IAND" })],
  ] as readonly (readonly [string, (a: Tensor, b: Tensor) => Tensor])[]
).map(([name, run]) => ({ name, shapes: [ODD, ODD], run: (a, b) => run(a!, b!) }));

const broadcasts: Row[] = [
  { name: "mul by rows of quads", shapes: [WHOLE, [2, 4, 1, 1]], run: (a, b) => mul(a!, b!), gradient: SAVED },
  { name: "mul by odd rows", shapes: [ODD, [3, 1, 7]], run: (a, b) => mul(a!, b!), gradient: SAVED },
  { name: "add of a row", shapes: [WHOLE, [8]], run: (a, b) => add(a!, b!), gradient: SAVED },
  { name: "expand", shapes: [[2, 4, 1, 1]], run: (x) => expand(x!, { shape: WHOLE }), gradient: SAVED },
  { name: "expand, odd", shapes: [[3, 1, 7]], run: (x) => expand(x!, { shape: ODD, scale: 0.5 }), gradient: SAVED },
  { name: "gt", shapes: [ODD, ODD], run: (a, b) => gt(a!, b!), gives: "f32", differentiable: false },
];

const pools: Row[] = [
  { name: "maxPool2d, quads", shapes: [[2, 3, 8, 8]], run: (x) => maxPool2d(x!, { kernel: 2 }) },
  { name: "maxPool2d", shapes: [[2, 3, 7, 9]], run: (x) => maxPool2d(x!, { kernel: 3, stride: 2, padding: 1 }) },
  {
    name: "maxPool2d, quads with padding",
    shapes: [[1, 2, 16, 16]],
    run: (x) => maxPool2d(x!, { kernel: 3, stride: 2, padding: 1 }),
  },
  {
    name: "maxPool2dIndices",
    shapes: [[2, 3, 7, 9]],
    run: (x) => maxPool2dIndices(x!, { kernel: 2 }),
    gives: "i32",
    differentiable: false,
  },
  { name: "avgPool2d, quads", shapes: [[2, 3, 8, 8]], run: (x) => avgPool2d(x!, { kernel: 3, stride: 1, padding: 1 }) },
  { name: "avgPool2d", shapes: [[2, 3, 7, 9]], run: (x) => avgPool2d(x!, { kernel: 2 }) },
  { name: "adaptiveAvgPool2d", shapes: [[2, 3, 7, 9]], run: (x) => adaptiveAvgPool2d(x!, { outputSize: [3, 4] }) },
];

const neurons: Row[] = [
  { name: "lif, T 4", shapes: [[4, 2, 8]], run: (x) => lif(x!, null, { vThreshold: 0.3 }) },
  { name: "lif, T 6, odd", shapes: [[6, 3, 5]], run: (x) => lif(x!, null, { vThreshold: 0.3, vReset: null }) },
  { name: "lif, constant input", shapes: [[2, 6]], run: (x) => lif(x!, null, { timeSteps: 9, vThreshold: 0.3 }) },
  {
    name: "lif, kept potentials",
    shapes: [[6, 2, 8]],
    run: (x) => lif(x!, null, { vThreshold: 0.3, keep: "potential" }),
  },
  { name: "integrateAndFire", shapes: [[5, 12]], run: (x) => integrateAndFire(x!, null, { vThreshold: 0.5 }) },
  { name: "plif", shapes: [[4, 2, 8]], run: (x) => plif(x!, leak(), null, { vThreshold: 0.3 }) },
  { name: "potential h", shapes: [[4, 2, 8]], run: (x) => membranePotential(x!, null, null, { of: "h" }) },
  {
    name: "potential last",
    shapes: [[4, 2, 8]],
    run: (x) => membranePotential(x!, null, null, { of: "last" }),
    gives: "f32",
  },
];

const moves: Row[] = (
  [
    ["narrow, quads", (x: Tensor) => narrow(x, { axis: 1, start: 1, length: 2 }), WHOLE],
    ["narrow", (x: Tensor) => narrow(x, { axis: 2, start: 1, length: 3 }), ODD],
    ["pad", (x: Tensor) => pad(x, [1, 2], { value: 0.1 }), ODD],
    ["pad, reflect", (x: Tensor) => pad(x, [2, 1, 1, 1], { mode: "reflect" }), ODD],
    ["pad, quads over two rows", (x: Tensor) => pad(x, [1, 1, 2, 0], { value: 0.1 }), WHOLE],
    ["pad, replicate", (x: Tensor) => pad(x, [2, 1], { mode: "replicate" }), ODD],
    ["permute, quads", (x: Tensor) => permute(x, [1, 0, 2, 3]), WHOLE],
    ["permute", (x: Tensor) => permute(x, [2, 0, 1]), ODD],
    ["permute, quads of y", (x: Tensor) => permute(x, [0, 3, 1, 2]), WHOLE],
    ["transpose", (x: Tensor) => transpose(x, 0, 1), [17, 35]],
    ["timeMajor, quads", (x: Tensor) => timeMajor(x), WHOLE],
    ["timeMajor", (x: Tensor) => timeMajor(x), ODD],
    ["gather", (x: Tensor) => gather(x, 1, tensor(Int32Array.of(4, 0, 4, 2, 3, 1), [3, 2, 1])), ODD],
    ["where, with a number", (x: Tensor) => where(gt(x, 0), x, 0.5), ODD],
    ["where of a condition in f16", (x: Tensor) => where(relu(x), x, mul(x, 0)), WHOLE],
    ["upsample", (x: Tensor) => upsample(x, { scale: 2 }), [1, 2, 3, 5]],
    ["upsample, quads", (x: Tensor) => upsample(x, { size: [5, 12] }), WHOLE],
    ["upsample, bilinear, quads", (x: Tensor) => upsample(x, { size: [5, 12], mode: "bilinear" }), WHOLE],
    ["upsample, bilinear", (x: Tensor) => upsample(x, { size: [5, 7], mode: "bilinear" }), [1, 2, 3, 5]],
    ["localResponseNorm, quads", (x: Tensor) => localResponseNorm(x, { size: 3, alpha: 0.5 }), WHOLE],
    ["localResponseNorm", (x: Tensor) => localResponseNorm(x, { size: 3, alpha: 0.5 }), ODD],
    ["dropoutWithMask", (x: Tensor) => dropoutWithMask(x, gt(x, 0), { p: 0.5 }), ODD],
    ["encodeLatency", (x: Tensor) => encodeLatency(x, { timeSteps: 5 }), ODD],
    ["encodePoisson", (x: Tensor) => encodePoisson(x, { timeSteps: 3, seed: 5, stream: 1, step: draw().step }), ODD],
  ] as readonly (readonly [string, (x: Tensor) => Tensor, readonly number[]])[]
).map(([name, run, shape]) => {
  return { name, shapes: [shape], run: (x) => run(x!), differentiable: !name.startsWith("encode") };
});

/** A depthwise convolution whose weight is f32 and the same in both dtypes. */
const depthwise = (x: Tensor, stride: number) => {
  const channels = x.shape[1]!;
  const weight = tensor(randomArray(channels * 9, 7), [channels, 1, 3, 3]);
  return conv2d(x, weight, null, { stride, padding: 1, groups: channels });
};

const others: Row[] = [
  { name: "depthwise conv2d, quads", shapes: [[2, 3, 8, 8]], run: (x) => depthwise(x!, 1), gradient: SAVED },
  { name: "depthwise conv2d", shapes: [[2, 3, 7, 9]], run: (x) => depthwise(x!, 2), gradient: SAVED },
  { name: "concat, quads", shapes: [WHOLE, [2, 2, 8, 8]], run: (a, b) => concat([a!, b!], { axis: 1 }) },
  { name: "concat", shapes: [ODD, [3, 2, 7]], run: (a, b) => concat([a!, b!], { axis: 1 }) },
  { name: "packSpikes", shapes: [[71]], run: (x) => packSpikes(relu(x!)), gives: "u32", differentiable: false },
];

const ROWS = [...elementwise, ...pairs, ...broadcasts, ...pools, ...neurons, ...moves, ...others];

/** Run an op and its backward in one dtype. */
async function pass({ shapes, run, differentiable = true }: Row, dtype: DType) {
  using _scope = new Scope();
  const inputs = shapes.map((shape, i) => {
    const x = tensor(roundedToHalf(randomArray(metaTensor(shape).numel, i + 1)), shape, dtype);
    x.requiresGrad = differentiable;
    return x;
  });
  using tape = new Tape();
  const y = run(...inputs);
  if (differentiable) tape.backward(y, tensor(roundedToHalf(randomArray(y.numel, 9)), y.shape, y.dtype));
  const [value, ...gradients] = await readAll(y, ...(differentiable ? inputs.map((x) => x.grad!) : []));
  const dtypes = inputs.map((x) => x.grad?.dtype);
  for (const x of inputs) x.grad?.dispose();
  return { dtype: y.dtype, value: value!, gradients, dtypes };
}

/** Expect each value to be rounded once, or to be within `share` of the largest. */
function expectRounded(got: ArrayLike<number>, want: ArrayLike<number>, share: number, what: string): void {
  const largest = Math.max(...Array.from(want, Math.abs));
  for (let i = 0; i < want.length; i++) {
    const bound = share > 0 ? share * largest : HALF_ROUNDING * Math.abs(want[i]!) + 2 ** -24;
    expect(Math.abs(got[i]! - want[i]!), `${what} ${i}: ${got[i]} for ${want[i]}`).toBeLessThanOrEqual(bound);
  }
}

for (const row of ROWS) {
  testHalf(`${row.name} ${JSON.stringify(row.shapes)}`, async () => {
    const [want, got] = [await pass(row, "f32"), await pass(row, "f16")];
    expect(got.dtype).toBe(row.gives ?? "f16");
    expectRounded(got.value, want.value, 0, "y");
    for (const dtype of got.dtypes) expect(dtype).toBe(row.differentiable === false ? undefined : "f16");
    for (const [i, dx] of got.gradients.entries())
      expectRounded(dx, want.gradients[i]!, row.gradient ?? 0, `dx of ${i}`);
  });
}

test("arithmetic of f16 and f32 gives f32, but a number or a scalar beside a tensor does not count", () => {
  const [half, single] = [metaTensor([2, 3], "f16"), metaTensor([3])];
  expect(add(half, single)).toMatchObject({ shape: [2, 3], dtype: "f32" });
  expect(mul(half, 2).dtype).toBe("f16");
  expect(mul(metaTensor([]), half).dtype).toBe("f16");
});

testHalf("images from bytes in f16 are those in f32, rounded", async () => {
  using _scope = new Scope();
  const bytes = tensor(Uint32Array.from({ length: 24 }, (_, i) => i * 0x3050709));
  const table = tensor(randomArray(3 * 256, 4), [3, 256]);
  const options = { shape: [2, 3, 4, 4], stored: [4, 4] } as const;
  const want = await bytesToImages(bytes, null, table, options).data();
  const half = bytesToImages(bytes, null, table, { ...options, dtype: "f16" });
  expect(half.dtype).toBe("f16");
  expectRounded(await half.data(), want, 0, "y");
});
