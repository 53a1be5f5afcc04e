// Models by name: what `--model` accepts.
import { OpError } from "../gpu/index.ts";
import type { Module } from "../nn/index.ts";
import { LeNetBN } from "./lenet_bn.ts";
import { MobileNetV1, mobilenetV1Plan } from "./mobilenet_v1.ts";
import { ResNetCifar } from "./resnet_cifar.ts";

export interface ModelInput {
  readonly channels: number;
  /** Height and width of the images. */
  readonly size: number;
  readonly classes: number;
}

interface Entry {
  readonly doc: string;
  readonly build: (input: ModelInput) => Module;
}

export const models: Readonly<Record<string, Entry>> = {
  "lenet-bn": {
    doc: "two 5x5 convolutions with batch norm and two linear layers; 105,218 parameters on MNIST",
    build: (input) => new LeNetBN(input),
  },
  "resnet-8": {
    doc: "ResNet for small images, one block a stage",
    build: ({ channels, classes }) => new ResNetCifar({ blocks: 1, channels, classes }),
  },
  "resnet-20": {
    doc: "ResNet for small images, three blocks a stage",
    build: ({ channels, classes }) => new ResNetCifar({ blocks: 3, channels, classes }),
  },
  "mobilenet-v1": {
    doc: "MobileNet-V1, full plan, for images of 64 pixels and up",
    build: ({ channels, classes }) =>
      new MobileNetV1({ width: 32, firstStride: 2, plan: mobilenetV1Plan, channels, classes }),
  },
};

/** Builds a model by name. Throws OpError that lists the names when there is none such. */
export function buildModel(name: string, input: ModelInput): Module {
  const entry = Object.hasOwn(models, name) ? models[name] : undefined;
  if (!entry) throw new OpError("buildModel", `no model named ${name}; there are ${Object.keys(models).join(", ")}`);
  return entry.build(input);
}
