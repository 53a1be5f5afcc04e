// Compaction of every network of the zoo, with dead filters at random: the same outputs, fewer weights.
import { expect, test } from "vitest";
import { buildModel, modelRegistry } from "../../../src/models/index.ts";
import { type Module, manualSeed, RandomState } from "../../../src/nn/index.ts";
import { applyCompaction, type CompactSizes } from "../../../src/prune/index.ts";
import { withDeadChannels } from "../../support/dead_channels.ts";
import { compacted } from "../../support/same_outputs.ts";

/** Side of the images. Default 32. */
const SIDES: Readonly<Record<string, number>> = {
  ...{
    lenet: 28,
    "lenet-bn": 28,
    mlp: 8,
    "mobilenet-small": 28,
    "spiking-cnn": 28,
    "sew-net": 16,
    alexnet: 63,
    "alexnet-lrn": 63,
  },
  ...{ "sew-cifar10-dvs": 128, "sew-gesture": 128 },
};

/** AlexNet and VGG with an eighth of the channels: their linear layers have more than 50 million weights. */
function slimSizes(name: string): CompactSizes {
  const convs: Record<string, readonly (readonly [at: number, to: number, kernel: number, groups?: number])[]> = {
    alexnet: [
      [0, 8, 11],
      [3, 24, 5],
      [6, 48, 3],
      [8, 32, 3],
      [10, 32, 3],
    ],
    "alexnet-lrn": [
      [0, 12, 11],
      [4, 32, 5, 2],
      [8, 48, 3],
      [10, 48, 3, 2],
      [12, 32, 3, 2],
    ],
    "vgg16-bn": [0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40].map((at, i) => [
      at,
      [8, 16, 32, 64, 64][[0, 0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4][i]!]!,
      3,
    ]),
  };
  const plan = convs[name];
  if (!plan) return {};
  let from = 3;
  const sizes: Record<string, CompactSizes[string]> = {};
  for (const [at, to, kernel, groups = 1] of plan) {
    sizes[`features.${at}`] = { weight: [to, from / groups, kernel, kernel] };
    if (name === "vgg16-bn") sizes[`features.${at + 1}`] = { channels: to };
    from = to;
  }
  const [first, second, third, side] = name === "vgg16-bn" ? [0, 3, 6, 7] : [1, 4, 6, 6];
  sizes[`classifier.${first}`] = { weight: [64, from * side * side] };
  sizes[`classifier.${second}`] = { weight: [64, 64] };
  sizes[`classifier.${third}`] = { weight: [5, 64] };
  return sizes;
}

function build(name: string): Module {
  manualSeed(11);
  const spiking = modelRegistry[name]!.spiking ? { spiking: { timeSteps: 3 } } : {};
  const random = new RandomState(0);
  const input = {
    channels: name.startsWith("sew-cifar") || name === "sew-gesture" ? 4 : 3,
    size: SIDES[name] ?? 32,
    classes: 5,
  };
  const frames = input.channels === 4 ? { spiking: { timeSteps: 2, frames: true } } : {};
  const model = buildModel(name, input, { ...spiking, ...frames, random });
  applyCompaction(model, slimSizes(name));
  return model;
}

/** Networks of a class that another name tests with fewer blocks or channels. */
const LARGER = new Set([
  ...["resnet-32", "resnet-44", "resnet-56", "resnet-110", "resnet-34", "resnet-50-lats", "mobilenet-v1"],
  ...["sew-resnet-34", "sew-cifar10-dvs", "stds-cifar10"],
]);

test.each(Object.keys(modelRegistry).filter((name) => !LARGER.has(name)))(
  "%s gives the same outputs after compaction",
  async (name) => {
    const side = SIDES[name] ?? 32;
    const sample = [name.startsWith("sew-cifar") || name === "sew-gesture" ? 4 : 3, side, side];
    const state = withDeadChannels(build(name), { sample, share: 0.35, gain: name.startsWith("stds") ? 30 : 1 });
    const { plan, difference, before } = await compacted(() => build(name), state, { sample });
    expect(new Set(before).size).toBeGreaterThan(2);
    expect(difference).toBeLessThan(1e-5);
    const sum = (i: 0 | 1) => plan.layers.reduce((n, { weights }) => n + weights[i], 0);
    expect(sum(1)).toBeLessThan(sum(0));
  },
);
