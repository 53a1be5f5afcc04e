// Spiking models on shapes alone: sizes, names and options.
import { describe, expect, test } from "vitest";
import { sewKeyFromSpikingJelly, sewKeyToSpikingJelly } from "../../src/io/index.ts";
import {
  buildModel,
  ENCODERS,
  LeNetBN,
  modelRegistry,
  NEURONS,
  SewBasicBlock,
  SewBottleneck,
  SewDvs,
  SewNet,
  SewResNet,
  SpikingCnn,
  SpikingInput,
  type SpikingOptions,
  sewDvsPlans,
} from "../../src/models/index.ts";
import { BatchNorm2d, Conv2d, IFNode, type Module, RandomState, SpikingNode, summarize } from "../../src/nn/index.ts";
import { metaTensor } from "../../src/tensor/index.ts";

const state = (model: Module) => [...model.namedState()].map(([name, t]) => [name, [...t.shape]] as const);
const count = (model: Module) => model.parameters().reduce((sum, p) => sum + p.numel, 0);
const neuronsOf = (model: Module) =>
  [...model.namedModules()].flatMap(([, m]) => (m instanceof SpikingNode ? [m] : []));

/** Weights of convolutions and fc, and numbers of batch norm, from the definition of ResNet (He et al. 2016, table 1). */
function residualNet(layers: readonly number[], bottleneck: boolean, classes = 1000) {
  const expansion = bottleneck ? 4 : 1;
  let [weights, norms, from] = [3 * 64 * 49, 2 * 64, 64];
  const conv = (a: number, b: number, side: number) => {
    weights += a * b * side * side;
    norms += 2 * b;
  };
  layers.forEach((blocks, stage) => {
    const planes = 64 * 2 ** stage;
    const to = planes * expansion;
    for (let i = 0; i < blocks; i++) {
      if (from !== to || (i === 0 && stage > 0)) conv(from, to, 1);
      if (bottleneck) {
        conv(from, planes, 1);
        conv(planes, planes, 3);
        conv(planes, to, 1);
      } else {
        conv(from, planes, 3);
        conv(planes, planes, 3);
      }
      from = to;
    }
  });
  weights += from * classes;
  return { prunable: weights, parameters: weights + norms + classes };
}

describe("SEW ResNet", () => {
  test.each([
    { depth: 18, layers: [2, 2, 2, 2], parameters: 11_689_512, neurons: 20 },
    { depth: 34, layers: [3, 4, 6, 3], parameters: 21_797_672, neurons: 36 },
    { depth: 50, layers: [3, 4, 6, 3], parameters: 25_557_032, neurons: 53 },
    { depth: 101, layers: [3, 4, 23, 3], parameters: 44_549_160, neurons: 104 },
    { depth: 152, layers: [3, 8, 36, 3], parameters: 60_192_808, neurons: 155 },
  ] as const)("depth $depth has ResNet's $parameters parameters", ({ depth, layers, parameters, neurons }) => {
    const model = new SewResNet({ depth });
    const prunable = model.parameters().reduce((sum, p) => sum + (p.prunable ? p.numel : 0), 0);
    expect({ prunable, parameters: count(model) }).toEqual(residualNet(layers, depth >= 50));
    expect(count(model)).toBe(parameters);
    expect(neuronsOf(model).length).toBe(neurons);
    if (depth === 18) expect(prunable).toBe(11_678_912);
  });

  test("depth 18, layer by layer at 224 pixels and four steps", () => {
    const s = summarize(new SewResNet(), [3, 224, 224]);
    expect(s).toMatchObject({ parameters: 11_689_512, prunable: 11_678_912, macs: 1_814_073_344, output: [1, 1000] });
    const at = (name: string) => s.layers.find((l) => l.name === name)?.output;
    // Of one time step.
    expect([at("conv1"), at("bn1"), at("sn1")]).toEqual(new Array(3).fill([1, 64, 112, 112]));
    expect([at("maxpool"), at("layer1.0.conv1.module.0"), at("layer1.1.sn2")]).toEqual(
      new Array(3).fill([1, 64, 56, 56]),
    );
    expect([at("layer2.0.downsample.1"), at("layer4.1.sn2"), at("fc")]).toEqual([
      [1, 128, 28, 28],
      [1, 512, 7, 7],
      [1, 1000],
    ]);
    // Each layer once, fused or not.
    const fired = s.layers.filter((l) => l.type === "IFNode").map((l) => l.output.reduce((a, b) => a * b, 1));
    expect(fired.length).toBe(20);
    expect(fired.reduce((a, b) => a + b, 0)).toBe(2_483_712);
  });

  test("published neurons: IF, threshold 1, hard reset to 0, ATan, detached", () => {
    for (const node of neuronsOf(new SewResNet({ classes: 2 }))) {
      expect(node).toBeInstanceOf(IFNode);
      expect(node.config).toMatchObject({ vThreshold: 1, vReset: 0, detachReset: true, surrogate: "atan" });
    }
  });

  test("names are the authors', and map to SpikingJelly's and back", () => {
    const names = state(new SewResNet({ classes: 2 })).map(([name]) => name);
    for (const name of [
      "conv1.weight",
      "bn1.running_var",
      "layer1.0.conv1.module.0.weight",
      "layer1.0.conv2.module.1.running_mean",
      "layer2.0.downsample.0.module.0.weight",
      "layer4.0.downsample.0.module.1.bias",
      "fc.bias",
    ])
      expect(names).toContain(name);
    const theirs = names.map(sewKeyToSpikingJelly);
    for (const name of [
      "conv1.weight",
      "layer1.0.conv1.weight",
      "layer1.0.bn2.running_mean",
      "layer2.0.downsample.0.weight",
      "layer4.0.downsample.1.bias",
    ])
      expect(theirs).toContain(name);
    expect(theirs.some((name) => name.includes("module"))).toBe(false);
    expect(new Set(theirs).size).toBe(names.length);
    expect(theirs.map(sewKeyFromSpikingJelly)).toEqual(names);
    expect(names.map(sewKeyFromSpikingJelly)).toEqual(names);
    const deep = state(new SewResNet({ depth: 50, classes: 2 })).map(([name]) => name);
    expect(deep.map(sewKeyToSpikingJelly).map(sewKeyFromSpikingJelly)).toEqual(deep);
    expect(deep.map(sewKeyToSpikingJelly)).toContain("layer1.0.bn3.weight");
  });

  test("applies the stem to every step of a sequence", () => {
    const frames = new SewResNet({ timeSteps: 3, frames: true, channels: 6, classes: 5 });
    expect(frames.conv1.weight.shape).toEqual([64, 2, 7, 7]);
    expect(frames.forward(metaTensor([2, 6, 32, 32])).shape).toEqual([2, 5]);
    const coded = new SewResNet({ timeSteps: 3, encoder: "latency", classes: 5 });
    expect(coded.forward(metaTensor([2, 3, 32, 32])).shape).toEqual([2, 5]);
  });
});

describe("the small networks", () => {
  test("SpikingCnn is LeNetBN with one more batch norm, in place of a bias", () => {
    const [spiking, plain] = [new SpikingCnn(), new LeNetBN()];
    expect([count(spiking), count(plain)]).toEqual([105_346, 105_218]);
    const s = summarize(spiking, [1, 28, 28]);
    const { prunable, macs, output } = summarize(plain, [1, 28, 28]);
    expect(s).toMatchObject({ prunable, macs, output, parameters: 105_346 });
    const layers = s.layers.filter((l) => l.type !== "Flatten").map((l) => [l.name, l.output.join("x")]);
    expect(layers).toEqual([
      ["conv1", "1x8x14x14"],
      ["bn1", "1x8x14x14"],
      ["sn1", "1x8x14x14"],
      ["conv2.module.0", "1x16x7x7"],
      ["conv2.module.1", "1x16x7x7"],
      ["sn2", "1x16x7x7"],
      ["fc1.module.1", "1x128"],
      ["fc1.module.2", "1x128"],
      ["sn3", "1x128"],
      ["fc2", "1x10"],
    ]);
    expect(count(new SpikingCnn({ neuron: "plif" }))).toBe(105_349);
    for (const size of [8, 9, 28, 33]) {
      expect(new SpikingCnn({ size, channels: 3 }).forward(metaTensor([2, 3, size, size])).shape).toEqual([2, 10]);
    }
  });

  test("SewNet: a stem, a block, and fc on the mean", () => {
    const model = new SewNet({ channels: 3, width: 4, classes: 7 });
    expect(count(model)).toBe(3 * 4 * 9 + 2 * 16 * 9 + 3 * 8 + 4 * 7 + 7);
    expect(model.forward(metaTensor([2, 3, 12, 12])).shape).toEqual([2, 7]);
  });

  test("SewDvs: the published sizes", () => {
    const cifar = new SewDvs();
    expect(count(cifar)).toBe(1_192_218);
    expect(cifar.forward(metaTensor([1, 32, 128, 128])).shape).toEqual([1, 10]);
    const gesture = new SewDvs({ widths: sewDvsPlans.gesture, classes: 11 });
    expect(count(gesture)).toBe(130_426);
    const s = summarize(gesture, [32, 128, 128]);
    expect(s.output).toEqual([1, 11]);
    expect(s.layers.find((l) => l.name === "conv.6.pool")?.output).toEqual([1, 32, 1, 1]);
    // Neurons only follow a 1x1 convolution where the width changes.
    expect(neuronsOf(gesture).length).toBe(7 * 2 + 1);
    expect(neuronsOf(cifar).length).toBe(7 * 2 + 2);
    expect(neuronsOf(cifar)[0]?.config).toMatchObject({ detachReset: true, surrogate: "atan" });
    expect(state(cifar).filter(([name]) => name.endsWith(".w")).length).toBe(16);
  });
});

describe("the registry", () => {
  const spiking = Object.keys(modelRegistry).filter((name) => modelRegistry[name]!.spiking);

  test("lists and builds nine spiking models", () => {
    expect(spiking).toEqual([
      "spiking-cnn",
      "sew-net",
      "sew-resnet-18",
      "sew-resnet-34",
      "sew-resnet-50",
      "sew-cifar10-dvs",
      "stds-cifar10",
      "stds-narrow",
      "sew-gesture",
    ]);
    for (const name of spiking) {
      const frames = name.startsWith("sew-c") || name.startsWith("sew-g");
      const input = frames ? { channels: 32, size: 128, classes: 11 } : { channels: 3, size: 64, classes: 11 };
      const model = buildModel(name, input);
      expect(model.forward(metaTensor([2, input.channels, input.size, input.size])).shape).toEqual([2, 11]);
    }
  });

  test("passes options on and leaves the others to the model", () => {
    const build = (name: string, spikingOptions?: SpikingOptions) =>
      neuronsOf(
        buildModel(name, { channels: 4, size: 128, classes: 2 }, spikingOptions ? { spiking: spikingOptions } : {}),
      );
    const kinds = (nodes: SpikingNode[]) => [...new Set(nodes.map((n) => n.constructor.name))];
    expect(kinds(build("spiking-cnn"))).toEqual(["LIFNode"]);
    expect(kinds(build("sew-resnet-18"))).toEqual(["IFNode"]);
    expect(kinds(build("sew-gesture", { timeSteps: 2 }))).toEqual(["ParametricLIFNode"]);
    for (const [i, kind] of ["IFNode", "LIFNode", "ParametricLIFNode"].entries()) {
      const neuron = NEURONS[i]!;
      expect(kinds(build("sew-resnet-18", { neuron }))).toEqual([kind]);
      expect(kinds(build("sew-gesture", { timeSteps: 2, neuron }))).toEqual([kind]);
    }
    expect(
      build("spiking-cnn", { tau: 3, vThreshold: 0.5, vReset: null, detachReset: false })[0]?.config,
    ).toMatchObject({
      tau: 3,
      vThreshold: 0.5,
      vReset: null,
      detachReset: false,
    });
  });

  test("errors", () => {
    const input = { channels: 3, size: 32, classes: 2 };
    expect(() => buildModel("resnet-8", input, { spiking: { timeSteps: 4 } })).toThrow(
      "spiking: expected nothing for resnet-8, which has no time steps",
    );
    expect(() => buildModel("sew-gesture", { ...input, size: 64, channels: 32 })).toThrow(
      "SewDvs: size: expected at least 128 pixels for 7 halvings, got 64",
    );
    expect(() => buildModel("sew-gesture", { ...input, size: 128 })).toThrow(
      "SpikingInput: expected a multiple of 16 channels, polarities times frames, got 3",
    );
    expect(() => buildModel("spiking-cnn", input, { spiking: { neuron: "gru" as "if" } })).toThrow(
      "neuronMaker: neuron: expected one of if, lif, plif, got gru",
    );
    expect(() => buildModel("spiking-cnn", input, { spiking: { tau: 1 } })).toThrow(
      "LIFNode: tau: expected a number > 1",
    );
    expect(() => buildModel("spiking-cnn", input, { activationCheckpoint: true })).toThrow("spiking-cnn");
    expect(() => new SewResNet({ depth: 20 as 18 })).toThrow(
      "SewResNet: depth: expected one of 18, 34, 50, 101, 152, got 20",
    );
  });
});

describe("SpikingInput", () => {
  test("errors", () => {
    expect(() => new SpikingInput({ timeSteps: 0 })).toThrow("timeSteps: expected an integer >= 1, got 0");
    expect(() => new SpikingInput({ frames: true, encoder: "poisson" })).toThrow(
      "encoder: expected direct for event frames, which are spikes already, got poisson",
    );
    expect(() => new SpikingInput({ encoder: "poisson" })).toThrow(
      "random: expected a RandomState for encoder poisson, got none",
    );
    expect(() => new SpikingInput({ encoder: "rate" as "direct" })).toThrow(
      "encoder: expected one of direct, poisson, latency, phase, got rate",
    );
    expect(() => new SpikingInput({}).forward(metaTensor([1, 1, 4, 4]))).toThrow(
      "expected a sequence, got a constant image",
    );
  });

  test("makes sequences of frames and codes, and runs a constant image's convolution once", () => {
    const [conv, bn, node] = [new Conv2d(2, 4, 3, { padding: 1 }), new BatchNorm2d(4), new IFNode()];
    const frames = new SpikingInput({ timeSteps: 3, frames: true });
    expect([frames.channelsOf(6), frames.forward(metaTensor([5, 6, 4, 4])).shape]).toEqual([2, [3, 5, 2, 4, 4]]);
    const random = new RandomState(1);
    for (const encoder of ENCODERS) {
      const input = new SpikingInput({ timeSteps: 3, encoder, random });
      expect(input.channelsOf(6)).toBe(6);
      const seen: number[][] = [];
      const watched = new (class extends Conv2d {
        override forward(x: Parameters<Conv2d["forward"]>[0]) {
          seen.push([...x.shape]);
          return conv.forward(x);
        }
      })(2, 4, 3);
      expect(input.into(metaTensor([5, 2, 4, 4]), watched, bn, node).shape).toEqual([3, 5, 4, 4, 4]);
      expect(seen).toEqual([encoder === "direct" ? [5, 2, 4, 4] : [15, 2, 4, 4]]);
    }
  });
});

test("blocks: names, and shapes where stride or width change", () => {
  const neurons = () => new IFNode();
  const plain = new SewBasicBlock(4, 4, 1, { neurons });
  expect(plain.downsample).toBe(null);
  const wide = new SewBasicBlock(4, 8, 2, { neurons });
  expect(wide.forward(metaTensor([3, 2, 4, 8, 8])).shape).toEqual([3, 2, 8, 4, 4]);
  const deep = new SewBottleneck(4, 4, 2, { neurons });
  expect(deep.forward(metaTensor([3, 2, 4, 8, 8])).shape).toEqual([3, 2, 16, 4, 4]);
  expect(
    state(deep)
      .map(([name]) => name)
      .filter((name) => name.endsWith("0.weight")),
  ).toEqual([
    "conv1.module.0.weight",
    "conv2.module.0.weight",
    "conv3.module.0.weight",
    "downsample.0.module.0.weight",
  ]);
  expect(() =>
    new SewBasicBlock(4, 4, 1, { neurons, connect: "OR" as "AND" }).forward(metaTensor([1, 1, 4, 2, 2])),
  ).toThrow("sewConnect: connect: expected ADD, AND, IAND, got OR");
});
