// Models by name: what `--model` accepts.
import { OpError } from "../gpu/index.ts";
import { checkpointModule, type Module } from "../nn/index.ts";
import { LeNetBN } from "./lenet_bn.ts";
import { MobileNetV1, mobilenetV1Plan } from "./mobilenet_v1.ts";
import { ResNetCifar } from "./resnet_cifar.ts";

export interface ModelInput {
  readonly channels: number;
  /** Height and width of the images. */
  readonly size: number;
  readonly classes: number;
}

export interface BuildOptions {
  /** Backward runs each block again instead of keeping its activations: less memory, more time, the same bits. Default false. */
  readonly checkpoint?: boolean;
}

interface Entry {
  readonly doc: string;
  readonly build: (input: ModelInput) => Module;
  /** Names of the modules that a checkpoint may wrap; absent where none is worth it. */
  readonly blocks?: RegExp;
}

const RESNET_BLOCKS = /^layer\d\.\d+$/;

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
};

/** Builds a model by name. Throws OpError for an unknown name, and for `checkpoint` of a model without blocks. */
export function buildModel(name: string, input: ModelInput, { checkpoint = false }: BuildOptions = {}): Module {
  const entry = Object.hasOwn(models, name) ? models[name] : undefined;
  if (!entry) throw new OpError("buildModel", `no model named ${name}; there are ${Object.keys(models).join(", ")}`);
  const model = entry.build(input);
  if (!checkpoint) return model;
  const { blocks } = entry;
  if (!blocks) {
    const others = Object.keys(models).filter((other) => models[other]?.blocks);
    throw new OpError("buildModel", `${name} has no blocks to checkpoint; these have: ${others.join(", ")}`);
  }
  for (const [path, module] of model.namedModules()) if (blocks.test(path)) checkpointModule(module);
  return model;
}
