import { expect, test } from "vitest";
import { LeNetBN, ResNetCifar } from "../../src/models/index.ts";
import { BatchNorm2d, Conv2d, Flatten, Linear, Module, ReLU, Sequential, summarize } from "../../src/nn/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";

test("LeNetBN layer by layer, without a GPU", () => {
  const s = summarize(new LeNetBN(), [1, 28, 28]);
  // The fused pairs batch norm + ReLU count as their batch norm.
  expect(s.layers.map((l) => [l.name, l.type, l.output.join("x"), l.parameters, l.macs])).toEqual([
    ["0", "Conv2d", "1x8x14x14", 200, 200 * 196],
    ["1", "BatchNorm2d", "1x8x14x14", 16, 0],
    ["3", "Conv2d", "1x16x7x7", 3200, 3200 * 49],
    ["4", "BatchNorm2d", "1x16x7x7", 32, 0],
    ["6", "Flatten", "1x784", 0, 0],
    ["7", "Linear", "1x128", 784 * 128 + 128, 784 * 128],
    ["8", "ReLU", "1x128", 0, 0],
    ["9", "Linear", "1x10", 1290, 1280],
  ]);
  expect(s).toMatchObject({
    parameters: 105_218,
    prunable: 200 + 3200 + 784 * 128 + 1280,
    macs: 200 * 196 + 3200 * 49 + 784 * 128 + 1280,
    input: [1, 28, 28],
    output: [1, 10],
  });
});

// He et al. 2016, section 4.2. Multiply-accumulates at 32 x 32: each 3x3 convolution of a stage costs 2,359,296, the first of
// stages two and three half of that, each projection of option B 131,072.
test("ResNet-20 has the published size, with both shortcuts", () => {
  const full = 16 * 16 * 9 * 32 * 32;
  const macs = 3 * 16 * 9 * 1024 + 6 * full + 2 * (full / 2 + 5 * full) + 640;
  const of = (shortcut: "identity" | "projection") => summarize(new ResNetCifar({ blocks: 3, shortcut }), [3, 32, 32]);
  expect(of("identity")).toMatchObject({ parameters: 269_722, macs, output: [1, 10] });
  expect(of("projection")).toMatchObject({ parameters: 272_474, macs: macs + 2 * 131_072, output: [1, 10] });
});

test("restores the mode of each module, and leaves the model unchanged", () => {
  const frozen = new BatchNorm2d(2);
  const model = new Sequential([new Conv2d(1, 2, 1), frozen, new ReLU()]);
  frozen.eval();
  const keys = [...model.namedModules()].map(([, m]) => Object.getOwnPropertyNames(m));
  summarize(model, [1, 4, 4]);
  expect([model.training, frozen.training, model.at(2).training]).toEqual([true, false, true]);
  expect([...model.namedModules()].map(([, m]) => Object.getOwnPropertyNames(m))).toEqual(keys);
});

test("lists a layer that runs twice two times, and counts its parameters once", () => {
  class Twice extends Module {
    readonly fc = new Linear(4, 4);
    forward(x: Tensor): Tensor {
      return this.fc.forward(this.fc.forward(x));
    }
  }
  const s = summarize(new Twice(), [4]);
  expect(s.layers.map((l) => l.name)).toEqual(["fc", "fc"]);
  expect(s).toMatchObject({ parameters: 20, prunable: 16, macs: 32 });
});

test("a shape that does not fit is an error of the layer, and the model stays usable", () => {
  const model = new Sequential([new Flatten(), new Linear(10, 2)]);
  expect(() => summarize(model, [3, 3])).toThrow("linear: weight: expected 9 inputs as in x, got 10");
  expect(model.training).toBe(true);
  expect(summarize(model, [2, 5]).output).toEqual([1, 2]);
});
