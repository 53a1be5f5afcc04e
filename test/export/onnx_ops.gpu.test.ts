// Compares each exported op, with its options, with the engine's kernel. The batch differs from those of the trace.
import { expect, test } from "vitest";
import { exportOnnx } from "../../src/export/index.ts";
import { Pointwise } from "../../src/nn/activation.ts";
import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  ConvTranspose2d,
  Dropout,
  Flatten,
  GELU,
  GroupNorm,
  Hardsigmoid,
  Hardswish,
  Identity,
  LayerNorm,
  LeakyReLU,
  Linear,
  LocalResponseNorm,
  MaxPool2d,
  MixedConv2d,
  type Module,
  RandomState,
  ReLU,
  ReLU6,
  SeqToANNContainer,
  Sequential,
  Sigmoid,
  SiLU,
  Softplus,
  SqueezeExcitation,
  type StateDict,
  StochasticDepth,
  Tanh,
  Upsample,
} from "../../src/nn/index.ts";
import * as ops from "../../src/ops/index.ts";
import { Scope, type Shape, type Tensor, tensor } from "../../src/tensor/index.ts";
import { randomArray } from "../support/random.ts";
import { loadOnnx, relativeError } from "./onnx_runtime.ts";

const of = (fn: (x: Tensor) => Tensor) => new Pointwise(fn);
const positive = (x: Tensor) => ops.add(ops.square(x), ops.exp(x));

/** x through a convolution twice: halves of its channels against each other. */
const halves = (fn: (a: Tensor, b: Tensor) => Tensor) =>
  of((x) => fn(ops.narrow(x, { axis: 1, start: 0, length: 2 }), ops.narrow(x, { axis: 1, start: 2, length: 2 })));
const random = new RandomState(1, { owned: false });

const cases: Record<string, readonly [model: Module, input: Shape]> = {
  "convolution, uneven": [
    new Conv2d(4, 6, [3, 5], { stride: [2, 1], padding: [1, 2], dilation: [1, 2], groups: 2 }),
    [4, 9, 13],
  ],
  "convolution without bias": [new Conv2d(4, 4, 3, { groups: 4, bias: false }), [4, 5, 5]],
  "transposed convolution": [new ConvTranspose2d(4, 6, 4, { stride: 2, padding: 1 }), [4, 5, 6]],
  "transposed convolution, uneven": [
    new ConvTranspose2d(4, 6, [3, 2], {
      stride: [2, 3],
      padding: [1, 0],
      outputPadding: [1, 2],
      dilation: [1, 2],
      groups: 2,
      bias: false,
    }),
    [4, 5, 3],
  ],
  "nearest, twice as large": [new Upsample({ scale: 2 }), [2, 3, 5]],
  "nearest to a size": [new Upsample({ size: [7, 3] }), [2, 3, 5]],
  "nearest by fractions": [new Upsample({ scale: [1.5, 2.5] }), [2, 5, 5]],
  "bilinear, twice as large": [new Upsample({ scale: 2, mode: "bilinear" }), [2, 3, 5]],
  "bilinear to a smaller size": [new Upsample({ size: [4, 3], mode: "bilinear" }), [2, 7, 5]],
  "bilinear by fractions": [new Upsample({ scale: [1.5, 0.75], mode: "bilinear" }), [2, 5, 9]],
  "bilinear, aligned corners": [new Upsample({ size: [7, 4], mode: "bilinear", alignCorners: true }), [2, 3, 9]],
  "mixed convolution": [new MixedConv2d(5, 7, [1, 3, 5], { stride: 2 }), [5, 8, 8]],
  "squeeze and excitation": [new SqueezeExcitation(6, 2), [6, 4, 4]],
  "batch norm": [new BatchNorm2d(4, { eps: 1e-3 }), [4, 3, 3]],
  "batch norm without weights": [new BatchNorm2d(4, { affine: false }), [4, 3, 3]],
  "batch norm of vectors": [new BatchNorm1d(5), [5]],
  "batch norm and ReLU": [new Sequential([new Conv2d(4, 3, 1), new BatchNorm2d(3), new ReLU()]), [4, 3, 3]],
  "layer norm": [new LayerNorm(5, { eps: 1e-3 }), [4, 5]],
  "layer norm of two axes without a bias": [new LayerNorm([4, 5], { bias: false }), [3, 4, 5]],
  "layer norm without weights": [new LayerNorm(5, { elementwiseAffine: false }), [5]],
  "group norm": [new GroupNorm(2, 6, { eps: 1e-3 }), [6, 3, 3]],
  "group norm without weights": [new GroupNorm(3, 6, { affine: false }), [6, 4]],
  "group norm of vectors": [new GroupNorm(2, 6), [6]],
  "group norm without a bias": [Object.assign(new GroupNorm(2, 4), { bias: null }), [4, 5]],
  "group norm without a weight": [Object.assign(new GroupNorm(2, 4), { weight: null }), [4, 5]],
  linear: [new Linear(5, 3), [5]],
  "linear over rows": [new Linear(5, 3), [4, 5]],
  "linear over rows without bias": [new Linear(5, 3, { bias: false }), [2, 4, 5]],
  "matrix products": [
    of((x) => {
      const inner = ops.matmul(x, x, { transposeB: true });
      return ops.matmul(ops.matmul(inner, x, { transposeA: true }), x, { transposeB: true });
    }),
    [2, 3, 4],
  ],
  dropout: [new Sequential([new Dropout(0.5, random), new ReLU()]), [7]],
  "stochastic depth": [new Sequential([new StochasticDepth(0.5, random), new Tanh()]), [7]],
  "nothing at all": [new Identity(), [3, 2]],
  flatten: [new Flatten(), [3, 2, 2]],
  "fold and unfold time": [new SeqToANNContainer(new Conv2d(2, 3, 3)), [4, 2, 5, 5]],
  ReLU: [new ReLU(), [33]],
  ReLU6: [of((x) => new ReLU6().forward(ops.mul(ops.square(x), x))), [33]],
  SiLU: [new SiLU(), [33]],
  Hardswish: [of((x) => new Hardswish().forward(ops.add(x, ops.mul(x, ops.abs(x))))), [33]],
  Hardsigmoid: [of((x) => new Hardsigmoid().forward(ops.add(x, ops.mul(x, ops.abs(x))))), [33]],
  Sigmoid: [new Sigmoid(), [33]],
  Softplus: [new Softplus(), [33]],
  "GELU, exact": [new GELU(), [33]],
  "GELU by tanh": [new GELU("tanh"), [33]],
  LeakyReLU: [new LeakyReLU(0.2), [33]],
  "log, sqrt, neg, abs, exp": [
    of((x) => ops.add(ops.log(positive(x)), ops.neg(ops.sqrt(ops.add(ops.abs(x), ops.exp(x)))))),
    [33],
  ],
  "arithmetic of halves": [
    halves((a, b) => ops.maximum(ops.div(ops.sub(a, b), positive(b)), ops.minimum(ops.mul(a, b), b))),
    [4, 3, 3],
  ],
  "arithmetic with numbers": [
    of((x) => ops.maximum(ops.sub(1, ops.mul(x, 2)), ops.minimum(ops.div(3, positive(x)), ops.add(x, 0.25)))),
    [33],
  ],
  "powers of negative bases": [of((x) => ops.add(ops.pow(x, 3), ops.pow(ops.add(x, 10), -2))), [33]],
  "powers by a number, of a number, and by a tensor": [
    of((x) => ops.add(ops.pow(positive(x), 0.7), ops.add(ops.pow(1.5, x), ops.pow(positive(x), x)))),
    [33],
  ],
  "clamp with two bounds": [of((x) => ops.clamp(x, { min: -0.5, max: 0.25 })), [33]],
  "clamp from below": [of((x) => ops.clamp(x, { min: -0.5 })), [33]],
  "clamp from above": [of((x) => ops.clamp(x, { max: 0.5 })), [33]],
  permute: [of((x) => ops.permute(x, [0, -1, 1, 2])), [3, 4, 5]],
  "transpose, of tiles": [of((x) => ops.transpose(x, 1, 2)), [17, 20]],
  "pad with a constant": [of((x) => ops.pad(x, [1, 2, 0, 3], { value: -0.5 })), [3, 4, 5]],
  "pad that cuts": [of((x) => ops.pad(x, [-1, 2, 1, -2])), [3, 4, 5]],
  "pad by reflection": [of((x) => ops.pad(x, [1, 3, 2, 0], { mode: "reflect" })), [3, 4, 5]],
  "pad by replication": [of((x) => ops.pad(x, [4, 0, 5, 6], { mode: "replicate" })), [3, 4, 5]],
  "where, with two tensors": [halves((a, b) => ops.where(ops.relu(a), b, a)), [4, 3, 3]],
  "where, with numbers and broadcasting": [
    of((x) => ops.where(ops.max(ops.relu(ops.add(x, -1)), { axes: [-1], keepdims: true }), ops.where(x, x, 3), -2)),
    [3, 4],
  ],
  comparisons: [
    of((x) => {
      const whole = ops.pow(ops.clamp(ops.mul(x, 1e6), { min: -1, max: 1 }), 3); // -1 or 1
      const parts = [
        ops.gt(x, 0.3),
        ops.ge(whole, 1),
        ops.lt(-0.2, x),
        ops.le(whole, x),
        ops.eq(whole, 1),
        ops.ne(1, whole),
      ];
      return ops.concat(parts, { axis: -1 });
    }),
    [33],
  ],
  broadcasting: [of((x) => ops.sub(x, ops.mean(x, { axes: [2, 3], keepdims: true }))), [3, 4, 5]],
  "a sum and ReLU": [halves((a, b) => ops.addRelu(a, b)), [4, 2, 2]],
  "SEW ADD": [halves((a, b) => ops.sewConnect(a, b, { connect: "ADD" })), [4, 2, 2]],
  "SEW AND": [halves((a, b) => ops.sewConnect(a, b, { connect: "AND" })), [4, 2, 2]],
  "SEW IAND": [halves((a, b) => ops.sewConnect(a, b, { connect: "IAND" })), [4, 2, 2]],
  "max pool": [new MaxPool2d({ kernel: 3, stride: 2, padding: 1 }), [2, 8, 7]],
  "max pool in ceil mode": [new MaxPool2d({ kernel: [3, 2], stride: 2, padding: [1, 0], ceilMode: true }), [2, 8, 9]],
  "max pool whose last window would begin outside": [
    new MaxPool2d({ kernel: 2, stride: 3, padding: 1, ceilMode: true }),
    [2, 5, 6],
  ],
  "average pool": [new AvgPool2d({ kernel: 3, stride: 2, padding: 1 }), [2, 8, 7]],
  "average pool, padding not counted": [
    new AvgPool2d({ kernel: 3, stride: 2, padding: 1, countIncludePad: false }),
    [2, 8, 7],
  ],
  "average pool in ceil mode": [new AvgPool2d({ kernel: 3, stride: 2, padding: 1, ceilMode: true }), [2, 8, 6]],
  "average pool in ceil mode, padding not counted": [
    new AvgPool2d({ kernel: [2, 3], stride: 2, padding: [0, 1], ceilMode: true, countIncludePad: false }),
    [2, 7, 6],
  ],
  "global average pool": [new AdaptiveAvgPool2d(1), [3, 5, 4]],
  "adaptive pool, even bins": [new AdaptiveAvgPool2d([3, 2]), [3, 6, 8]],
  "adaptive pool, uneven bins": [new AdaptiveAvgPool2d(6), [3, 13, 7]],
  "adaptive pool to more": [new AdaptiveAvgPool2d(7), [3, 2, 1]],
  "response norm": [new LocalResponseNorm({ size: 5, alpha: 0.5, beta: 0.75, k: 2 }), [7, 3, 3]],
  "response norm, even": [new LocalResponseNorm({ size: 4, alpha: 0.5 }), [7, 3, 3]],
  "response norm of rows": [new LocalResponseNorm({ size: 3, alpha: 0.5, beta: 0.5 }), [7, 4]],
  "response norm of vectors": [new LocalResponseNorm({ size: 2, alpha: 2 }), [7]],
  "sum over some axes": [of((x) => ops.sum(x, { axes: [-1, 1] })), [3, 4, 5]],
  "sum over everything": [of((x) => ops.sum(ops.abs(x))), [3, 4]],
  "mean over the batch": [of((x) => ops.mean(x, { axes: [0], keepdims: true })), [3, 4]],
  "mean over no axis": [of((x) => ops.mean(x, { axes: [] })), [3, 4]],
  "max over an axis": [of((x) => ops.max(x, { axes: [2] })), [3, 4]],
  softmax: [of((x) => ops.softmax(x, { axis: 1 })), [3, 4]],
  "log-softmax": [of((x) => ops.logSoftmax(x)), [3, 4]],
  reshape: [of((x) => ops.reshape(x, { shape: [-1, 2, 6] })), [3, 4]],
  expand: [of((x) => ops.expand(x, { shape: [2, x.shape[0]!, 3, 4], scale: 0.5 })), [1, 4]],
  concat: [
    of((x) => ops.concat([x, ops.neg(x), ops.narrow(x, { axis: -1, start: 1, length: 2 })], { axis: -1 })),
    [2, 3],
  ],
  "time first": [of((x) => ops.timeMajor(x, { timeSteps: 3 })), [6, 2, 2]],
  "time first, as a separate axis": [of((x) => ops.timeMajor(x)), [6, 2]],
};

test.each(Object.keys(cases))("%s", async (name) => {
  using _scope = new Scope();
  const [model, input] = cases[name]!;
  const weights: StateDict = new Map();
  let seed = 1;
  for (const [key, t] of model.namedState()) {
    const values = randomArray(t.numel, seed++);
    weights.set(key, { data: key.endsWith("var") ? values.map((v) => v * v + 0.1) : values, shape: t.shape });
  }
  if (weights.size > 0) model.loadStateDict(weights);
  const runtime = await loadOnnx(exportOnnx(model, { input, weights }));
  for (const batch of [1, 3]) {
    const shape = [batch, ...input];
    const x = randomArray(
      shape.reduce((a, b) => a * b, 1),
      batch,
    );
    const y = model.eval().forward(tensor(x, shape));
    const { logits } = await runtime.run({ input: { data: x, shape } });
    expect(logits!.shape).toEqual(y.shape);
    expect(relativeError(logits!.data, (await y.data()) as Float32Array)).toBeLessThan(1e-5);
  }
  await runtime.release();
  model.dispose();
});
