import { expect, test } from "vitest";
import * as ops from "../../src/ops/index.ts";
import { metaTensor } from "../../src/tensor/index.ts";

const x = metaTensor([2, 4, 8, 8]);
const rows = metaTensor([6, 10]);
const vector = metaTensor([4]);

test.each<[string, () => unknown, string]>([
  [
    "conv2d",
    () => ops.conv2d(x, metaTensor([4, 4, 3, 3]), null, { pad: 1 } as never),
    "pad, expected stride, padding, dilation, groups, algorithm",
  ],
  ["adaptiveAvgPool2d", () => ops.adaptiveAvgPool2d(x, { outputSize: 1, size: 2 } as never), "size"],
  ["batchNorm", () => ops.batchNorm(x, vector, vector, vector, vector, { epsilon: 1e-3 } as never), "epsilon"],
  ["batchNormRelu", () => ops.batchNormRelu(x, vector, vector, vector, vector, { train: true } as never), "train"],
  [
    "crossEntropy",
    () => ops.crossEntropy(rows, metaTensor([6], "i32"), { label_smoothing: 0.1 } as never),
    "label_smoothing",
  ],
  ["softmax", () => ops.softmax(rows, { dim: 1 } as never), "dim, expected axis"],
  ["sum", () => ops.sum(rows, { axis: 1 } as never), "axis, expected axes, keepdims; did you mean axes?"],
  ["mean", () => ops.mean(rows, { dim: 1 } as never), "dim"],
  ["max", () => ops.max(rows, { axis: 1 } as never), "axis"],
  ["gelu", () => ops.gelu(rows, { tanh: true } as never), "tanh"],
  ["leakyRelu", () => ops.leakyRelu(rows, { slope: 0.2 } as never), "slope, expected negativeSlope"],
  [
    "matmul",
    () => ops.matmul(rows, metaTensor([6, 10]), { transposeb: true } as never),
    "transposeb, expected transposeA, transposeB; did you mean transposeB?",
  ],
  ["narrow", () => ops.narrow(rows, { axis: 0, start: 0, length: 1, end: 2 } as never), "end"],
  ["timeMajor", () => ops.timeMajor(rows, { steps: 2 } as never), "steps"],
])("%s refuses an option that it does not read", (name, run, message) => {
  expect(run).toThrow(`${name}: unknown option ${message}`);
});

test("an option whose value is undefined is as good as absent", () => {
  expect(ops.conv2d(x, metaTensor([4, 4, 3, 3]), null, { pad: undefined } as never).shape).toEqual([2, 4, 6, 6]);
});
