// Sizes and modules that layers refuse.
import { expect, test } from "vitest";
import {
  BatchNorm2d,
  Conv2d,
  ConvTranspose2d,
  constantInit,
  Dropout,
  Embedding,
  GroupNorm,
  LayerNorm,
  Linear,
  Parameter,
  Sequential,
} from "../../src/nn/index.ts";

// biome-ignore lint/suspicious/noExplicitAny: wrong arguments
type Wrong = any;

test.each<[string, () => unknown, string]>([
  ["no inputs", () => new (Linear as Wrong)(), "Linear: inFeatures: expected an integer >= 1, got undefined"],
  ["inputs as text", () => new (Linear as Wrong)("2", 3), 'Linear: inFeatures: expected an integer >= 1, got "2"'],
  ["half an output", () => new Linear(2, 1.5), "Linear: outFeatures: expected an integer >= 1, got 1.5"],
  [
    "named sizes",
    () => new (Conv2d as Wrong)({ inChannels: 1 }),
    "Conv2d: inChannels: expected an integer >= 1, got object",
  ],
  [
    "no kernel",
    () => new (Conv2d as Wrong)(1, 2),
    "Conv2d: kernel: expected an integer >= 1, or two as [rows, columns], got",
  ],
  [
    "half a kernel",
    () => new (Conv2d as Wrong)(1, 2, [3]),
    "Conv2d: kernel: expected an integer >= 1, or two as [rows, columns], got [3]",
  ],
  ["no channels", () => new ConvTranspose2d(0, 1, 2), "ConvTranspose2d: inChannels: expected an integer >= 1, got 0"],
  ["channels of a norm", () => new (BatchNorm2d as Wrong)(), "BatchNorm2d: channels: expected an integer >= 1"],
  ["channels of groups", () => new GroupNorm(1, 0), "GroupNorm: channels: expected an integer >= 1, got 0"],
  ["a shape as text", () => new (LayerNorm as Wrong)("4"), 'LayerNorm: shape[0]: expected an integer >= 1, got "4"'],
  ["rows", () => new Embedding(0, 2), "Embedding: numEmbeddings: expected an integer >= 1, got 0"],
  ["a named probability", () => new (Dropout as Wrong)({ p: 0.5 }), "p: expected a number in [0, 1], got object"],
  [
    "modules one by one",
    () => new (Sequential as Wrong)(new Linear(2, 2), new Linear(2, 2)),
    "Sequential: expected an array of modules, such as new Sequential([a, b])",
  ],
  [
    "an initializer of another length",
    () => new Parameter([2], () => new Float32Array(3)).initialValues(),
    "Parameter: initializer: expected 2 values, got 3",
  ],
])("refuses %s", (_, make, message) => {
  expect(make).toThrow(message);
});

test("takes kernels of one and of two sizes", () => {
  expect(new Conv2d(1, 2, 3).weight.shape).toEqual([2, 1, 3, 3]);
  expect(new Conv2d(1, 2, [3, 5]).weight.shape).toEqual([2, 1, 3, 5]);
  expect(new Parameter([2], constantInit(1)).initialValues()).toHaveLength(2);
});
