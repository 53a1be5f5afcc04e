// Every public function, op and class with options refuses an unknown option by name.
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import * as onnx from "../src/export/index.ts";
import * as images from "../src/images/index.ts";
import * as all from "../src/internal.ts";
import * as node from "../src/node_internal.ts";

const { metaTensor } = all;
const root = resolve(import.meta.dirname, "..", "src");
const bad = { notAnOption: 1 } as never;
const x4 = metaTensor([1, 2, 4, 4]);
const row = metaTensor([2, 3]);
const one = metaTensor([]);
const bytes = new Uint8Array(8);
const ops = all as unknown as Record<string, (...given: unknown[]) => unknown>;
const make = (name: string, ...given: unknown[]) =>
  Reflect.construct(ops[name] as unknown as new (...given: unknown[]) => unknown, given);
const source = { name: "memory", exists: async () => false, read: async () => bytes } as unknown as all.ByteSource;
const random = new all.RandomState(1);
const model = () => new all.Sequential([new all.Linear(2, 2)]);

/** Calls with an unknown option, by exported name. */
const calls: Record<string, () => unknown> = {
  // Ops of one tensor, of two, and the others.
  ...Object.fromEntries(
    (
      [
        "relu",
        "relu6",
        "silu",
        "hardswish",
        "hardsigmoid",
        "sigmoid",
        "tanh",
        "softplus",
        "gelu",
        "leakyRelu",
        "clamp",
      ] as const
    )
      .concat(["sum", "mean", "max", "softmax", "logSoftmax", "flatten", "packSpikes"] as never[])
      .map((name) => [name, () => ops[name]?.(row, bad)]),
  ),
  ...Object.fromEntries(
    (["add", "sub", "mul", "div", "maximum", "minimum", "pow", "gt", "ge", "lt", "le", "eq", "ne"] as const).map(
      (name) => [name, () => ops[name]?.(row, row, bad)],
    ),
  ),
  ...Object.fromEntries(
    (["strThreshold", "ltpThreshold", "softL0", "softThreshold"] as const).map((name) => [
      name,
      () => ops[name]?.(row, one, bad),
    ]),
  ),
  ...Object.fromEntries(
    (["sparseGroupSoftThreshold"] as const).map((name) => [name, () => ops[name]?.(row, one, one, bad)]),
  ),
  ...Object.fromEntries(
    (["encodeDirect", "encodeWeightedPhase", "encodeLatency", "encodePoisson", "expand", "reshape", "narrow"] as const)
      .concat(["unpackSpikes", "dropout", "stochasticDepth", "timeMajor"] as never[])
      .map((name) => [name, () => ops[name]?.(row, bad)]),
  ),
  ...Object.fromEntries(
    (["maxPool2d", "maxPool2dIndices", "avgPool2d", "adaptiveAvgPool2d", "localResponseNorm"] as const).map((name) => [
      name,
      () => ops[name]?.(x4, bad),
    ]),
  ),
  conv2d: () => all.conv2d(x4, metaTensor([2, 2, 1, 1]), null, bad),
  linear: () => all.linear(row, metaTensor([4, 3]), null, bad),
  matmul: () => all.matmul(row, row, bad),
  crossEntropy: () => all.crossEntropy(row, metaTensor([2], "i32"), bad),
  countCorrect: () => all.countCorrect(row, metaTensor([2], "i32"), bad),
  sewConnect: () => all.sewConnect(row, row, bad),
  pad: () => all.pad(row, [1, 1], bad),
  embedding: () => all.embedding(metaTensor([2], "i32"), row, bad),
  Embedding: () => new all.Embedding(2, 2, bad),
  formatTensor: () => all.formatTensor(row, bad),
  concat: () => all.concat([row, row], { axis: 0, ...(bad as object) }),
  integrateAndFire: () => all.integrateAndFire(row, null, bad),
  lif: () => all.lif(row, null, bad),
  plif: () => all.plif(row, one, null, bad),
  membranePotential: () => all.membranePotential(row, null, null, { of: "h", ...(bad as object) }),
  batchNorm: () => all.batchNorm(x4, null, null, null, null, bad),
  convTranspose2d: () => all.convTranspose2d(x4, metaTensor([2, 2, 1, 1]), null, bad),
  upsample: () => all.upsample(x4, { scale: 2, ...(bad as object) }),
  mseLoss: () => all.mseLoss(row, row, bad),
  huberLoss: () => all.huberLoss(row, row, bad),
  bceWithLogits: () => all.bceWithLogits(row, row, bad),
  gradcheck: () => all.gradcheck((x) => x!, [row], bad),
  layerNorm: () => all.layerNorm(row, [3], bad),
  groupNorm: () => all.groupNorm(x4, 1, bad),
  // Layers.
  ConvTranspose2d: () => new all.ConvTranspose2d(1, 1, 1, bad),
  Upsample: () => new all.Upsample({ scale: 2, ...(bad as object) }),
  LayerNorm: () => new all.LayerNorm(2, bad),
  GroupNorm: () => new all.GroupNorm(1, 1, bad),
  Conv2d: () => new all.Conv2d(1, 1, 1, bad),
  Linear: () => new all.Linear(1, 1, bad),
  BatchNorm2d: () => new all.BatchNorm2d(1, bad),
  BatchNorm1d: () => new all.BatchNorm1d(1, bad),
  MaxPool2d: () => new all.MaxPool2d(bad),
  AvgPool2d: () => new all.AvgPool2d(bad),
  LocalResponseNorm: () => new all.LocalResponseNorm(bad),
  Sequential: () => new all.Sequential([], bad),
  MixedConv2d: () => new all.MixedConv2d(2, 2, [1], bad),
  SqueezeExcitation: () => new all.SqueezeExcitation(2, 1, bad),
  IFNode: () => new all.IFNode(bad),
  LIFNode: () => new all.LIFNode(bad),
  ParametricLIFNode: () => new all.ParametricLIFNode(bad),
  DirectEncoder: () => new all.DirectEncoder(bad),
  PoissonEncoder: () => new all.PoissonEncoder(bad, random),
  LatencyEncoder: () => new all.LatencyEncoder(bad),
  WeightedPhaseEncoder: () => new all.WeightedPhaseEncoder(bad),
  RandomState: () => new all.RandomState(1, bad),
  loadState: () => all.loadState(model(), new Map(), bad),
  compareState: () => all.compareState(model(), new Map(), bad),
  // Models.
  ...Object.fromEntries(
    (
      [
        "LeNet",
        "Mlp",
        "LeNetBN",
        "ResNet",
        "ResNetCifar",
        "MobileNetV1",
        "MobileNetV2",
        "Vgg16Bn",
        "MixNet",
        "AlexNet",
      ] as const
    )
      .concat([
        "AlexNetLrn",
        "EfficientNet",
        "SewNet",
        "SewResNet",
        "SewDvs",
        "SpikingCnn",
        "SpikingInput",
        "StdsCifar10",
      ] as never[])
      .map((name) => [name, () => make(name, bad)]),
  ),
  ...Object.fromEntries(
    (["BasicBlock", "Bottleneck", "SewBasicBlock", "SewBottleneck"] as const).map((name) => [
      name,
      () => make(name, 4, 4, 1, bad),
    ]),
  ),
  buildModel: () => all.buildModel("lenet-bn", { channels: 1, size: 28, classes: 10 }, bad),
  buildSmallModel: () => all.buildSmallModel("lenet-bn", { channels: 1, size: 28, classes: 10 }, bad),
  // Data and files.
  DataLoader: () => new all.DataLoader(bad),
  batchesOf: () => all.batchesOf({} as never, bad),
  BatchInput: () => new all.BatchInput(bad),
  BatchStep: () => new all.BatchStep(bad),
  Evaluator: () => new all.Evaluator(model(), bad),
  saveModel: () => all.saveModel(model(), bad),
  loadModel: () => all.loadModel(model(), bytes, bad),
  randomResizedCrop: () => all.randomResizedCrop(8, 8, {} as never, bad),
  checkCropOptions: () => all.checkCropOptions(bad),
  colorJitter: () => all.colorJitter({} as never, bad),
  checkColorJitter: () => all.checkColorJitter(bad),
  loadIdxDataset: () => all.loadIdxDataset(source, bad),
  loadIdxSplits: () => all.loadIdxSplits(source, bad),
  loadCifar10: () => all.loadCifar10(source, "train", bad),
  loadCifar100: () => all.loadCifar100(source, "train", bad),
  loadNMnist: () => all.loadNMnist(source, bad),
  loadDvsGesture: () => all.loadDvsGesture(source, bad),
  loadCifar10Dvs: () => all.loadCifar10Dvs(source, bad),
  loadNpzEvents: () => all.loadNpzEvents(source, bad),
  syntheticEvents: () => all.syntheticEvents(bad),
  syntheticEventDataset: () => all.syntheticEventDataset(bad),
  eventDataset: () => all.eventDataset({ recordings: [], labels: [], classes: ["a"], sensor: [2, 2], options: bad }),
  parseEvents: () => all.parseEvents(bytes, "events", bad),
  parseNMnist: () => all.parseNMnist(bytes, "events", bad),
  parseAedat2: () => all.parseAedat2(bytes, "events", bad),
  parseAedat3: () => all.parseAedat3(bytes, "events", bad),
  parseEventNpz: () => all.parseEventNpz(bytes, "events", bad),
  gunzipIfPacked: () => all.gunzipIfPacked(bytes, "gzip", bad),
  gunzip: () => all.gunzip(bytes, "gzip", bad),
  readZip: () => all.readZip(bytes, "zip", bad),
  stateDictOf: () => all.stateDictOf({} as never, bad),
  openWeights: () => all.openWeights(bytes, "weights", bad),
  writeSparseModel: () => all.writeSparseModel(new Map(), {}, bad),
  // Training, figures and export.
  planTraining: () => all.planTraining(bad),
  sparsify: () => all.sparsify(model(), bad),
  measureSpeed: () => all.measureSpeed([], bad),
  recalibrate: () => all.recalibrate(model(), [] as never, bad),
  planEvaluation: () => all.planEvaluation(bad),
  fit: () => all.fit(bad),
  capture: () => all.captureStep(() => ({}), bad),
  captureSpikes: () => all.captureSpikes(model(), {} as never, bad),
  measureActivity: () => all.measureActivity(model(), [], bad),
  multiplyAdds: () => all.multiplyAdds({ layers: [] }, [], bad),
  SGD: () => new all.SGD([...model().parameters()], bad),
  Adam: () => new all.Adam([...model().parameters()], bad),
  AdamW: () => new all.AdamW([...model().parameters()], bad),
  RMSProp: () => new all.RMSProp([...model().parameters()], bad),
  LossScale: () => make("LossScale", {}, bad),
  Session: () => new all.Session(bad),
  compact: () => all.compact(model(), { sample: [2], ...(bad as object) }),
  planCompaction: () => all.planCompaction(model(), { sample: [2], weights: new Map(), ...(bad as object) }),
  MagnitudeSelect: () => new all.MagnitudeSelect([], bad),
  SearchedThreshold: () => new all.SearchedThreshold([], [], bad),
  SteeredThreshold: () => new all.SteeredThreshold([], [], bad),
  Trail: () => new all.Trail({} as never, bad),
  requestGpu: () => all.requestGpu(bad),
  exportOnnx: () => onnx.exportOnnx(model(), bad),
  exportNir: () => onnx.exportNir(model(), bad),
  importNir: () => onnx.importNir({ nodes: new Map(), edges: [], metadata: {} }, bad),
  calibrateInt8: () => onnx.calibrateInt8(model(), [] as never, bad),
  encodeEvents: () => onnx.encodeEvents([], bad),
  modelCard: () => onnx.modelCard(bad),
  // Node.
  installGpu: () => node.installGpu(bad),
  setup: () => node.setup(bad),
  doctor: () => node.doctor(bad),
  openImageFolder: () => images.openImageFolder(root, bad),
  openImageData: () => images.openImageData(root, bad),
  openImageSources: () => images.openImageSources(root, bad),
  imageLayout: () => images.imageLayout(root, bad),
  openShards: () => images.openShards(root, bad),
  openParquet: () => images.openParquet([], bad),
  openWebdataset: () => images.openWebdataset([], bad),
  decodedDataset: () => images.decodedDataset({ name: "images" } as never, bad),
  packShards: () => images.packShards({} as never, root, bad),
};

describe("refuses an unknown option by name", () => {
  test.each(Object.keys(calls))("%s", async (name) => {
    await expect((async () => await calls[name]?.())()).rejects.toThrow(/unknown (option|setting|key)?.*notAnOption/);
  });
});

test("suggests the nearest option, and treats undefined as absent", () => {
  expect(() => new all.Conv2d(1, 1, 1, { pading: 1 } as never)).toThrow(
    /^Conv2d: unknown option pading, expected .*; did you mean padding\?$/,
  );
  expect(() => all.relu(row, bad)).toThrow("relu: unknown option notAnOption, expected none");
  expect(() => all.lif(row, null, { tua: 3 } as never)).toThrow("did you mean tau?");
  expect(new all.Linear(1, 1, { bias: undefined } as never).bias).not.toBeNull();
});

/** `allocate` makes every tensor of a step and does not check its options; TrainStep checks them, but opens a GPU first. */
const unchecked = ["allocate", "TrainStep"];

/** List the exported functions and classes with options. */
function optionTakers(): string[] {
  const found: string[] = [];
  for (const file of readdirSync(root, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts") || file.startsWith("cli")) continue;
    const text = readFileSync(join(root, file), "utf8");
    const taker = /^export (?:async )?function (\w+)(?:<[^(]*>)?\(([^)]*?)\boptions\??: /gm;
    for (const [, name] of text.matchAll(taker)) found.push(name!);
    const maker = /^export class (\w+) [\s\S]*?^ {2}constructor\(([^)]*)\)/gm;
    for (const [, name, parameters] of text.matchAll(maker))
      if (/\b(options|config): /.test(parameters!)) found.push(name!);
  }
  return found;
}

test("the list above is complete", () => {
  const open = { ...all, ...onnx, ...node };
  const takers = optionTakers().filter((name) => Object.hasOwn(open, name));
  expect(takers.length).toBeGreaterThan(40);
  expect(takers.filter((name) => !Object.hasOwn(calls, name) && !unchecked.includes(name))).toEqual([]);
});
