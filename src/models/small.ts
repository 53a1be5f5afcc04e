// Models for small images, by name. A separate list, so that a page does not load all models.
import {
  type BuildOptions,
  buildFrom,
  type ImageModel,
  type ModelEntry,
  type ModelInput,
  type ModelList,
  RESNET_BLOCKS,
} from "./entry.ts";
import { LeNet } from "./lenet.ts";
import { LeNetBN } from "./lenet_bn.ts";
import { Mlp } from "./mlp.ts";
import { MobileNetV1, type MobileNetV1Config } from "./mobilenet_v1.ts";
import type { ShortcutKind } from "./resnet_block.ts";
import { ResNetCifar } from "./resnet_cifar.ts";
import { SewNet } from "./spiking/sew_net.ts";
import { SpikingCnn } from "./spiking/spiking_cnn.ts";

/** 28 pixels become 14, then 7, then 4. */
const mobilenetSmallPlan: MobileNetV1Config["plan"] = [
  [32, 1],
  [64, 2],
  [64, 1],
  [128, 2],
];

const resNetCifar = (blocks: number, doc: string, shortcut: ShortcutKind, width = 16): ModelEntry => ({
  doc,
  build: ({ channels, classes }, _spiking, _random, given = shortcut) =>
    new ResNetCifar({ blocks, width, channels, classes, shortcut: given }),
  blocks: RESNET_BLOCKS,
  shortcut,
});

/** A ResNet of the paper, with shortcuts without parameters. */
const paperResNet = (depth: number, parameters: string): ModelEntry =>
  resNetCifar(
    (depth - 2) / 6,
    `ResNet-${depth} for small images, as He et al. 2016; ${parameters} parameters on CIFAR-10`,
    "identity",
  );

export const smallModels: ModelList = {
  lenet: {
    doc: "LeNet-5: tanh, average pooling; 61,706 parameters on MNIST",
    build: (input) => new LeNet(input),
  },
  "lenet-bn": {
    doc: "two 5x5 convolutions with batch norm and two linear layers; 105,218 parameters on MNIST",
    build: (input) => new LeNetBN(input),
  },
  mlp: {
    doc: "multilayer perceptron: linear layers with ReLU, two hidden layers of 64 units; 55,050 parameters on MNIST",
    build: ({ channels, size, classes: outputs }, _spiking, _random, _shortcut, hidden) =>
      new Mlp({ inputs: channels * size * size, outputs, ...hidden }),
    hidden: true,
  },
  "resnet-8": resNetCifar(
    1,
    "ResNet for small images, one block a stage, projections as shortcuts; 78,042 parameters on CIFAR-10",
    "projection",
  ),
  "resnet-8-narrow": resNetCifar(
    1,
    "the same with half the channels, for quick trials; 19,810 parameters on MNIST",
    "projection",
    8,
  ),
  "resnet-20": paperResNet(20, "269,722"),
  "resnet-32": paperResNet(32, "464,154"),
  "resnet-44": paperResNet(44, "658,586"),
  "resnet-56": paperResNet(56, "853,018"),
  "resnet-110": paperResNet(110, "1,727,962"),
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
};

/** Build one of the small models. */
export function buildSmallModel(name: string, input: ModelInput, options?: BuildOptions): ImageModel {
  return buildFrom(smallModels, name, input, options);
}
