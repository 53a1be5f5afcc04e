// All models on shapes alone: names, sizes and work of every model, against numbers of torchvision and of the papers.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  AlexNetLrn,
  BasicBlock,
  buildModel,
  buildSmallModel,
  EfficientNet,
  LeNet,
  MobileNetV2,
  modelRegistry,
  ResNet,
  smallModels,
  Vgg16Bn,
} from "../../src/models/index.ts";
import {
  Conv2d,
  Dropout,
  Linear,
  LocalResponseNorm,
  type Module,
  manualSeed,
  RandomState,
  StochasticDepth,
  summarize,
} from "../../src/nn/index.ts";
import { metaTensor } from "../../src/tensor/index.ts";
import { fnv1a } from "../../tools/golden/ops_zoo_logits.ts";
import { runZoo } from "../../tools/golden/zoo.ts";
import { registryNames } from "../../tools/golden/zoo_names.ts";

type ZooFile = Parameters<typeof runZoo>[0];
const facts: ZooFile = JSON.parse(readFileSync(new URL("../golden/model_zoo.json", import.meta.url), "utf8"));

const imageNet = { channels: 3, size: 224, classes: 1000 };
const cifar = { channels: 3, size: 32, classes: 10 };
const mnist = { channels: 1, size: 28, classes: 10 };

const state = (model: Module) => [...model.namedState()].map(([name, t]) => [name, t.shape] as const);
const ofType = <T extends Module>(model: Module, type: abstract new (...args: never[]) => T): T[] =>
  [...model.namedModules()].flatMap(([, m]) => (m instanceof type ? [m as T] : []));

test("every entry of the facts matches: names, shapes, parameters, weights, work", () => {
  const { cases } = runZoo(facts, "model_zoo.json");
  expect(cases.map(({ name, status, reason }) => [name, status, reason])).toEqual(
    Object.keys(facts.models).map((name) => [name, "passed", ""]),
  );
  expect(cases.length).toBe(10);
});

test("the check of the facts notices each kind of difference, and unknown models", () => {
  const name = "torchvision/resnet18";
  const good = facts.models[name]!;
  const run = (change: object, as = name) => runZoo({ models: { [as]: { ...good, ...change } } }, "f").cases[0];
  expect(run({})).toMatchObject({ status: "passed" });
  expect(run({ parameters: 1 })?.reason).toBe("parameters 11689512, want 1");
  expect(run({ conv_and_linear_weights: 1 })?.reason).toContain("conv_and_linear_weights 11678912, want 1");
  expect(run({ buffers_float: 1 })?.reason).toContain("buffers_float 9600, want 1");
  expect(run({ macs: 1 })?.reason).toContain("macs 1814073344, want 1");
  expect(run({ macs_per_layer: good.macs_per_layer.slice(1) })?.reason).toContain("macs_per_layer");
  expect(run({ state_dict: good.state_dict.toReversed() })?.reason).toContain("state_dict");
  expect(run({}, "torchvision/resnet1000")).toMatchObject({ status: "unsupported" });
});

test("every name of another project maps to a model", () => {
  for (const own of Object.values(registryNames)) expect(Object.keys(modelRegistry)).toContain(own);
});

// torchvision 0.14 on 224 x 224 pixels; the last number is FNV-1a of its names and shapes, one "name a,b,c,d" a line.
test("ResNet-34 is torchvision's", () => {
  const model = buildModel("resnet-34", imageNet);
  const { parameters, macs } = summarize(model, [3, 224, 224]);
  expect([parameters, macs]).toEqual([21_797_672, 3_663_761_408]);
  const lines = state(model).map(([name, shape]) => `${name} ${shape.join(",")}`);
  expect([lines.length, fnv1a(lines.join("\n"))]).toEqual([182, 818_339_796]);
});

// He et al. 2016, table 6: 0.27, 0.46, 0.66, 0.85 and 1.7 million. The 1x1 shortcuts of option B add 2,752.
test.each([
  [20, 3, 269_722],
  [32, 5, 464_154],
  [44, 7, 658_586],
  [56, 9, 853_018],
  [110, 18, 1_727_962],
])("ResNet-%i for small images has the parameters of the paper, and 2,752 more with projections", (depth, n, count) => {
  const stage = (from: number, to: number) => 9 * from * to + (2 * n - 1) * 9 * to * to + 2 * n * 2 * to;
  const sizes = stage(16, 16) + stage(16, 32) + stage(32, 64);
  expect(27 * 16 + 2 * 16 + sizes + 650).toBe(count);
  const plain = buildModel(`resnet-${depth}`, cifar);
  expect(summarize(plain, [3, 32, 32])).toMatchObject({ parameters: count, output: [1, 10] });
  expect(state(plain).filter(([name]) => name.includes("downsample"))).toEqual([]);
  const projected = buildModel(`resnet-${depth}`, cifar, { shortcut: "projection" });
  expect(summarize(projected, [3, 32, 32]).parameters).toBe(count + 2752);
});

test("the shortcut is a choice of ResNets for small images, and refused elsewhere", () => {
  const wanted = { "resnet-8": "projection", "resnet-8-narrow": "projection", "resnet-20": "identity" };
  const kinds = Object.entries(modelRegistry).flatMap(([name, { shortcut }]) => (shortcut ? [[name, shortcut]] : []));
  expect(kinds).toEqual([
    ...Object.entries(wanted),
    ...["resnet-32", "resnet-44", "resnet-56", "resnet-110"].map((name) => [name, "identity"]),
  ]);
  const names = state(buildModel("resnet-8", cifar, { shortcut: "identity" })).map(([name]) => name);
  expect(names.filter((name) => name.includes("downsample"))).toEqual([]);
  expect(() => buildModel("lenet", mnist, { shortcut: "identity" })).toThrow(
    "buildModel: shortcut: expected nothing for lenet, which has no choice of shortcuts",
  );
  expect(() => buildModel("resnet-20", cifar, { shortcut: "b" as "identity" })).toThrow(
    'buildModel: shortcut: expected identity or projection, got "b"',
  );
  expect(() => new BasicBlock(8, 4, 2, { shortcut: "identity" })).toThrow(
    "BasicBlock: shortcut identity: expected at least 8 channels, got 4",
  );
});

test("every count in the registry is that of the model", () => {
  const wrong: string[] = [];
  let counted = 0;
  for (const [name, { doc, spiking }] of Object.entries(modelRegistry)) {
    const said = /([\d,]+) parameters (?:on|at) (\S+)/.exec(doc);
    if (!said) {
      if (!spiking) wrong.push(`${name} says no number`);
      continue;
    }
    const input = { MNIST: mnist, "CIFAR-10": cifar, "1000": imageNet }[said[2]!]!;
    const { parameters } = summarize(buildModel(name, input), [input.channels, input.size, input.size]);
    if (parameters.toLocaleString("en-US") !== said[1]) wrong.push(`${name} has ${parameters}, says ${said[1]}`);
    counted++;
  }
  expect(wrong).toEqual([]);
  expect(counted).toBe(26);
});

test("every model has the given channels and classes", () => {
  for (const name of Object.keys(modelRegistry)) {
    if (modelRegistry[name]!.spiking) continue;
    const model = buildModel(name, { channels: 2, size: 64, classes: 7 });
    expect([name, model.eval().forward(metaTensor([3, 2, 64, 64])).shape]).toEqual([name, [3, 7]]);
  }
});

test("the small models are among all models, and their builder has no others", () => {
  for (const name of Object.keys(smallModels)) expect(modelRegistry[name]).toBe(smallModels[name]);
  expect(buildSmallModel("lenet", mnist)).toBeInstanceOf(LeNet);
  expect(() => buildSmallModel("vgg16-bn", imageNet)).toThrow(/buildModel: expected one of lenet, .*, got vgg16-bn/);
});

test("MixNet-S has timm's names and channel parts", () => {
  const all = new Map(state(buildModel("mixnet-s", imageNet)));
  expect([...all.keys()].slice(0, 2)).toEqual(["conv_stem.weight", "bn1.weight"]);
  expect([...all.keys()].slice(-2)).toEqual(["classifier.weight", "classifier.bias"]);
  const want: Record<string, number[]> = {
    "blocks.0.0.conv_dw.weight": [16, 1, 3, 3],
    "blocks.0.0.conv_pw.weight": [16, 16, 1, 1],
    "blocks.1.0.conv_pw.1.weight": [48, 8, 1, 1],
    "blocks.2.0.conv_dw.2.weight": [48, 1, 7, 7],
    "blocks.2.0.se.conv_reduce.weight": [12, 144, 1, 1],
    "blocks.3.1.se.conv_expand.bias": [480],
    "blocks.4.2.conv_dw.3.weight": [90, 1, 9, 9],
    "blocks.5.0.conv_dw.0.weight": [144, 1, 3, 3],
    "blocks.5.0.conv_dw.4.weight": [144, 1, 11, 11],
    "blocks.5.2.conv_pwl.1.weight": [100, 600, 1, 1],
    "conv_head.weight": [1536, 200, 1, 1],
  };
  for (const [name, shape] of Object.entries(want)) expect([name, all.get(name)]).toEqual([name, shape]);
});

test("blocks for activation checkpoints are exactly the model's blocks", () => {
  const blocks = (name: string) =>
    [...buildModel(name, imageNet).namedModules()].filter(([path]) => modelRegistry[name]!.blocks?.test(path)).length;
  const counts = { "resnet-34": 16, "resnet-50": 16, "mobilenet-v2": 17, "efficientnet-b0": 16, "mixnet-s": 16 };
  for (const [name, count] of Object.entries(counts)) expect([name, blocks(name)]).toEqual([name, count]);
});

test("stochastic depth grows along EfficientNet-B0, and dropout is the papers'", () => {
  const random = new RandomState(1);
  const model = new EfficientNet({ random });
  expect(ofType(model, StochasticDepth).map(({ p }) => p)).toEqual(
    Array.from({ length: 16 }, (_, i) => (0.2 * i) / 16),
  );
  const rates = (name: string) => ofType(buildModel(name, imageNet, { random }), Dropout).map(({ p }) => p);
  expect(rates("efficientnet-b0")).toEqual([0.2]);
  expect(rates("mobilenet-v2")).toEqual([0.2]);
  expect(rates("mixnet-s")).toEqual([0.2]);
  for (const name of ["alexnet", "alexnet-lrn", "vgg16-bn"]) expect(rates(name)).toEqual([0.5, 0.5]);
});

test("a model draws from the given random state, else from its own one", () => {
  const random = new RandomState(5);
  expect(buildModel("efficientnet-b0", imageNet, { random }).randomStates()).toEqual([random]);
  const [own] = buildModel("alexnet", imageNet).randomStates();
  expect(own).toMatchObject({ seed: 0, owned: true });
  expect(buildModel("resnet-18", imageNet).randomStates()).toEqual([]);
});

test("the AlexNet of 2012: response normalisation and groups as in the paper", () => {
  const model = new AlexNetLrn({ random: new RandomState(1) });
  const { options } = ofType(model, LocalResponseNorm)[0]!;
  expect(ofType(model, LocalResponseNorm)).toHaveLength(2);
  expect([options.k, options.size, options.alpha! / options.size, options.beta]).toEqual([2, 5, 1e-4, 0.75]);
  expect(ofType(model, Conv2d).map((c) => c.options.groups ?? 1)).toEqual([1, 2, 1, 2, 2]);
  const conv = summarize(model, [3, 224, 224]).layers.filter((l) => l.type === "Conv2d");
  expect(conv.map((l) => l.output.slice(1).join("x"))).toEqual([
    "96x55x55",
    "256x27x27",
    "384x13x13",
    "384x13x13",
    "256x13x13",
  ]);
});

/** Standard deviation, and the largest magnitude. */
function spread(values: Float32Array): { std: number; largest: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const std = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
  return { std, largest: values.reduce((a, b) => Math.max(a, Math.abs(b)), 0) };
}

// At least 9,000 draws each: five standard errors of a standard deviation are below 4 %.
test("initial values are torchvision's", () => {
  manualSeed(11);
  const random = new RandomState(1);
  const std = (layer: Conv2d | Linear) => spread(layer.weight.initialValues()).std;
  const near = (have: number, want: number) => expect(Math.abs(have / want - 1)).toBeLessThan(0.04);
  const first = (model: Module) => ofType(model, Conv2d)[0]!;
  near(std(first(new ResNet())), Math.sqrt(2 / (64 * 49)));
  near(std(new ResNet().fc), 1 / Math.sqrt(3 * 512));
  const mobile = new MobileNetV2({ random, classes: 10 });
  const [linear] = ofType(mobile, Linear) as [Linear];
  near(std(linear), 0.01);
  expect([...linear.bias!.initialValues()]).toEqual(new Array(10).fill(0));
  // A depthwise convolution of 960 channels: torchvision counts the outputs of all groups.
  const depthwise = ofType(mobile, Conv2d).find((c) => c.weight.shape[0] === 960 && c.weight.shape[1] === 1)!;
  near(spread(depthwise.weight.initialValues()).std, Math.sqrt(2 / (960 * 9)));
  const efficient = ofType(new EfficientNet({ random, classes: 100 }), Linear)[0]!;
  const { largest, std: flat } = spread(efficient.weight.initialValues());
  expect(largest).toBeLessThanOrEqual(Math.fround(0.1));
  near(flat, 0.1 / Math.sqrt(3));
  const vgg = new Vgg16Bn({ random, classes: 10 });
  near(std(ofType(vgg, Conv2d)[1]!), Math.sqrt(2 / (64 * 9)));
  expect(spread(first(vgg).bias!.initialValues()).largest).toBe(0);
  near(std(ofType(vgg, Linear)[2]!), 0.01);
  const lrn = new AlexNetLrn({ random, classes: 10 });
  expect(ofType(lrn, Conv2d).map((c) => c.bias!.initialValues()[0])).toEqual([0, 1, 0, 1, 1]);
  expect(ofType(lrn, Linear).map((l) => l.bias!.initialValues()[0])).toEqual([1, 1, 0]);
});

test("accepts the smallest images that fit, and refuses smaller ones", () => {
  const alexnet = buildModel("alexnet", imageNet);
  expect(alexnet.eval().forward(metaTensor([1, 3, 63, 63])).shape).toEqual([1, 1000]);
  expect(() => alexnet.forward(metaTensor([1, 3, 62, 62]))).toThrow("maxPool2d");
  expect(
    buildModel("vgg16-bn", imageNet)
      .eval()
      .forward(metaTensor([1, 3, 32, 32])).shape,
  ).toEqual([1, 1000]);
  for (const size of [12, 28, 32, 40])
    expect(new LeNet({ size }).forward(metaTensor([2, 1, size, size])).shape).toEqual([2, 10]);
  expect(() => new LeNet({ size: 11 })).toThrow("LeNet: size: expected at least 12 pixels, got 11");
  expect(() => new ResNet({ depth: 20 as 18 })).toThrow("ResNet: depth: expected one of 18, 34, 50, got 20");
});
