// Models by name: what `--model` accepts.
import { OpError } from "../gpu/index.ts";
import { checkpointModule, type Module } from "../nn/index.ts";
import { LeNetBN } from "./lenet_bn.ts";
import { MobileNetV1, type MobileNetV1Config, mobilenetV1Plan } from "./mobilenet_v1.ts";
import { ResNetCifar } from "./resnet_cifar.ts";
import type { SpikingOptions } from "./spiking/input.ts";
import { SewDvs, sewDvsPlans } from "./spiking/sew_dvs.ts";
import { SewNet } from "./spiking/sew_net.ts";
import { SewResNet } from "./spiking/sew_resnet.ts";
import { SpikingCnn } from "./spiking/spiking_cnn.ts";

export interface ModelInput {
  readonly channels: number;
  /** Height and width of the images. */
  readonly size: number;
  readonly classes: number;
}

export interface BuildOptions {
  /** Backward runs each block again instead of keeping its activations: less memory, more time, the same bits. Default false. */
  readonly checkpoint?: boolean;
  /** Neurons and time of a spiking model; what it leaves open is the model's own choice. */
  readonly spiking?: SpikingOptions;
}

interface Entry {
  readonly doc: string;
  readonly build: (input: ModelInput, spiking: SpikingOptions) => Module;
  /** Whether it is made of spiking neurons, and takes BuildOptions.spiking. */
  readonly spiking?: boolean;
  /** Names of the modules that a checkpoint may wrap; absent where none is worth it. */
  readonly blocks?: RegExp;
}

/** 28 pixels become 14, then 7, then 4. */
const mobilenetSmallPlan: MobileNetV1Config["plan"] = [
  [32, 1],
  [64, 2],
  [64, 1],
  [128, 2],
];

const RESNET_BLOCKS = /^layer\d\.\d+$/;

const sewResNet = (depth: 18 | 34 | 50): Entry => ({
  doc: `SEW ResNet-${depth}: spiking, IF neurons, for images of 64 pixels and up`,
  build: ({ channels, classes }, spiking) => new SewResNet({ depth, channels, classes, ...spiking }),
  spiking: true,
  blocks: RESNET_BLOCKS,
});

const sewDvs = (plan: keyof typeof sewDvsPlans, what: string): Entry => ({
  doc: `SEW network for ${what}: spiking, PLIF neurons, event frames of 128 pixels`,
  build: (input, spiking) => new SewDvs({ ...input, widths: sewDvsPlans[plan], ...spiking }),
  spiking: true,
  blocks: /^conv\.\d$/,
});

export const models: Readonly<Record<string, Entry>> = {
  "lenet-bn": {
    doc: "two 5x5 convolutions with batch norm and two linear layers; 105,218 parameters on MNIST",
    build: (input) => new LeNetBN(input),
  },
  "resnet-8": {
    doc: "ResNet for small images, one block a stage",
    build: ({ channels, classes }) => new ResNetCifar({ blocks: 1, channels, classes }),
    blocks: RESNET_BLOCKS,
  },
  "resnet-8-narrow": {
    doc: "the same with half the channels, for quick trials; 19,810 parameters on MNIST",
    build: ({ channels, classes }) => new ResNetCifar({ blocks: 1, width: 8, channels, classes }),
    blocks: RESNET_BLOCKS,
  },
  "resnet-20": {
    doc: "ResNet for small images, three blocks a stage",
    build: ({ channels, classes }) => new ResNetCifar({ blocks: 3, channels, classes }),
    blocks: RESNET_BLOCKS,
  },
  "mobilenet-v1": {
    doc: "MobileNet-V1, full plan, for images of 64 pixels and up",
    build: ({ channels, classes }) =>
      new MobileNetV1({ width: 32, firstStride: 2, plan: mobilenetV1Plan, channels, classes }),
    blocks: /^model\.\d+$/,
  },
  "mobilenet-small": {
    doc: "four depthwise separable blocks for images of 28 pixels; 18,816 parameters on MNIST",
    build: ({ channels, classes }) =>
      new MobileNetV1({ width: 16, firstStride: 2, plan: mobilenetSmallPlan, channels, classes }),
    blocks: /^model\.\d+$/,
  },
  "spiking-cnn": {
    doc: "lenet-bn with spiking neurons (LIF) in place of ReLU; images and events",
    build: (input, spiking) => new SpikingCnn({ ...input, ...spiking }),
    spiking: true,
  },
  "sew-net": {
    doc: "one convolution and one SEW block of 16 channels: spiking, LIF neurons, images and events",
    build: ({ channels, classes }, spiking) => new SewNet({ channels, classes, ...spiking }),
    spiking: true,
  },
  "sew-resnet-18": sewResNet(18),
  "sew-resnet-34": sewResNet(34),
  "sew-resnet-50": sewResNet(50),
  "sew-cifar10-dvs": sewDvs("cifar10-dvs", "CIFAR10-DVS"),
  "sew-gesture": sewDvs("gesture", "DVS128 Gesture"),
};

/** Builds a model by name. Throws OpError for an unknown name, and for options that the model has no use for. */
export function buildModel(name: string, input: ModelInput, options: BuildOptions = {}): Module {
  const { checkpoint = false, spiking } = options;
  const entry = Object.hasOwn(models, name) ? models[name] : undefined;
  if (!entry) throw new OpError("buildModel", `no model named ${name}; there are ${Object.keys(models).join(", ")}`);
  if (spiking && !entry.spiking)
    throw new OpError("buildModel", `${name} is not a spiking model: it has no time steps`);
  const model = entry.build(input, spiking ?? {});
  if (!checkpoint) return model;
  const { blocks } = entry;
  if (!blocks) {
    const others = Object.keys(models).filter((other) => models[other]?.blocks);
    throw new OpError("buildModel", `${name} has no blocks to checkpoint; these have: ${others.join(", ")}`);
  }
  for (const [path, module] of model.namedModules()) if (blocks.test(path)) checkpointModule(module);
  return model;
}
