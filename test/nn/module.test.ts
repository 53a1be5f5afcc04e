import { expect, test } from "vitest";
import { LeNetBN, ResNetCifar } from "../../src/models/index.ts";
import {
  BatchNorm2d,
  Conv2d,
  Dropout,
  Flatten,
  Identity,
  Linear,
  Module,
  type Parameter,
  RandomState,
  ReLU,
  Sequential,
} from "../../src/nn/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";

// Models are built and listed without a GPU.
const names = (m: Module) => [...m.namedState()].map(([name]) => name);

test("state is named and ordered as in PyTorch", () => {
  expect(names(new Linear(3, 2))).toEqual(["weight", "bias"]);
  expect(names(new Linear(3, 2, { bias: false }))).toEqual(["weight"]);
  expect(names(new Conv2d(3, 8, 3))).toEqual(["weight", "bias"]);
  expect(names(new BatchNorm2d(4))).toEqual(["weight", "bias", "running_mean", "running_var"]);
  expect(names(new BatchNorm2d(4, { affine: false }))).toEqual(["running_mean", "running_var"]);
});

test("Sequential counts its children, also past nine, and nests", () => {
  const layers = Array.from({ length: 11 }, () => new ReLU() as Module);
  layers.push(new Sequential([new Identity(), new Linear(1, 1, { bias: false })]));
  layers[2] = new Linear(1, 1, { bias: false });
  const model = new Sequential(layers);
  expect(names(model)).toEqual(["2.weight", "11.1.weight"]);
  expect([...model.namedModules()].map(([name]) => name).slice(0, 3)).toEqual(["", "0", "1"]);
  expect(model.length).toBe(12);
  expect(model.at(2)).toBe(layers[2]);
});

test("a residual net has the names of its published checkpoints", () => {
  const all = names(new ResNetCifar({ blocks: 1, shortcut: "projection" }));
  expect(all.slice(0, 7)).toEqual([
    "conv1.weight",
    "bn1.weight",
    "bn1.bias",
    "bn1.running_mean",
    "bn1.running_var",
    "layer1.0.conv1.weight",
    "layer1.0.bn1.weight",
  ]);
  expect(all).toContain("layer2.0.downsample.0.weight");
  expect(all).toContain("layer2.0.downsample.1.running_var");
  expect(all.some((name) => name.startsWith("layer1.0.downsample"))).toBe(false);
  expect(all.slice(-2)).toEqual(["fc.weight", "fc.bias"]);
});

test("own parameters come before own buffers before the children's, in the order of assignment", () => {
  class Mixed extends Module {
    readonly child = new Linear(1, 1, { bias: false });
    readonly norm = new BatchNorm2d(1);
    readonly scale = new Linear(2, 2).weight;
    readonly running_mean = new BatchNorm2d(2).running_mean;
    readonly several = [new Linear(1, 1)];
    forward(x: Tensor): Tensor {
      return x;
    }
  }
  expect(names(new Mixed())).toEqual([
    "scale",
    "running_mean",
    "child.weight",
    "norm.weight",
    "norm.bias",
    "norm.running_mean",
    "norm.running_var",
    "several.0.weight",
    "several.0.bias",
  ]);
});

test("a shared parameter is one parameter with two names", () => {
  class Tied extends Module {
    readonly encode = new Linear(4, 4, { bias: false });
    readonly decode = new Linear(4, 4, { bias: false });
    constructor() {
      super();
      (this.decode as { weight: Parameter }).weight = this.encode.weight;
    }
    forward(x: Tensor): Tensor {
      return x;
    }
  }
  const model = new Tied();
  expect(names(model)).toEqual(["encode.weight", "decode.weight"]);
  expect(model.parameters()).toEqual([model.encode.weight]);
});

test("LeNetBN has 105,218 parameters; buffers are not among them", () => {
  const model = new LeNetBN();
  expect(model.parameters().reduce((n, p) => n + p.numel, 0)).toBe(105_218);
  expect(names(model)).toHaveLength(14);
  expect([...model.namedParameters()].map(([name]) => name)).toEqual([
    "0.weight",
    "1.weight",
    "1.bias",
    "3.weight",
    "4.weight",
    "4.bias",
    "7.weight",
    "7.bias",
    "9.weight",
    "9.bias",
  ]);
});

test("weights of convolutions and linear layers are prunable, nothing else", () => {
  const model = new Sequential([new Conv2d(1, 2, 3), new BatchNorm2d(2), new Flatten(), new Linear(2, 2)]);
  const prunable = [...model.namedParameters()].filter(([, p]) => p.prunable).map(([name]) => name);
  expect(prunable).toEqual(["0.weight", "3.weight"]);
  expect(model.parameters().every((p) => p.requiresGrad)).toBe(true);
  expect((model.at(1) as BatchNorm2d).running_mean.requiresGrad).toBe(false);
});

test("train and eval reach every module", () => {
  const model = new Sequential([
    new ReLU(),
    new Sequential([new BatchNorm2d(2), new Dropout(0.5, new RandomState(1))]),
  ]);
  const modes = () => [...model.namedModules()].map(([, m]) => m.training);
  expect(modes().every((mode) => mode)).toBe(true);
  expect(model.eval()).toBe(model);
  expect(modes()).toEqual([false, false, false, false, false]);
  expect(model.train()).toBe(model);
  expect(modes().every((mode) => mode)).toBe(true);
});

test("layers refuse impossible options", () => {
  expect(() => new Conv2d(3, 8, 3, { groups: 2 })).toThrow(
    "Conv2d: groups: expected a divisor of 3 and 8 channels, got 2",
  );
  expect(() => new Dropout(1.5, new RandomState(1))).toThrow("Dropout: p: expected a number in [0, 1], got 1.5");
  expect(() => new RandomState(-1)).toThrow("RandomState: seed: expected an integer >= 0, got -1");
  expect(() => new RandomState(1).setStep(0.5)).toThrow("RandomState: step: expected an integer");
});
