// All models by name, as `--model` accepts them.
import { AlexNet, AlexNetLrn } from "./alexnet.ts";
import type { ClassifierKind } from "./classifier.ts";
import { EfficientNet } from "./efficientnet.ts";
import {
  type BuildOptions,
  buildFrom,
  type ImageModel,
  type ModelEntry,
  type ModelInput,
  type ModelList,
  RESNET_BLOCKS,
} from "./entry.ts";
import { MixNet } from "./mixnet.ts";
import { MobileNetV1, mobilenetV1Plan } from "./mobilenet_v1.ts";
import { MobileNetV2 } from "./mobilenet_v2.ts";
import { ResNet, type ResNetDepth } from "./resnet.ts";
import { smallModels } from "./small.ts";
import { SewDvs, sewDvsPlans } from "./spiking/sew_dvs.ts";
import { SewResNet } from "./spiking/sew_resnet.ts";
import { StdsCifar10 } from "./spiking/stds_cifar10.ts";
import { Vgg16Bn } from "./vgg.ts";

const resNet = (depth: ResNetDepth, doc: string, classifier: ClassifierKind = "linear"): ModelEntry => ({
  doc,
  build: ({ channels, classes }) => new ResNet({ depth, channels, classes, classifier }),
  blocks: RESNET_BLOCKS,
});

const mobileNetV1 = (doc: string, classifier: ClassifierKind): ModelEntry => ({
  doc,
  build: ({ channels, classes }) =>
    new MobileNetV1({ width: 32, firstStride: 2, plan: mobilenetV1Plan, channels, classes, classifier }),
  blocks: /^model\.\d+$/,
});

const sewResNet = (depth: 18 | 34 | 50, parameters: string): ModelEntry => ({
  doc: `SEW ResNet-${depth}: spiking, IF neurons, for images of 64 pixels and up; ${parameters} parameters at 1000 classes`,
  build: ({ channels, classes }, spiking) => new SewResNet({ depth, channels, classes, ...spiking }),
  spiking: true,
  neuron: "if",
  blocks: RESNET_BLOCKS,
});

const sewDvs = (plan: keyof typeof sewDvsPlans, what: string): ModelEntry => ({
  doc: `SEW network for ${what}: spiking, PLIF neurons, event frames of 128 pixels`,
  build: (input, spiking) => new SewDvs({ ...input, widths: sewDvsPlans[plan], ...spiking }),
  spiking: true,
  neuron: "plif",
  blocks: /^conv\.\d$/,
});

const stds = (doc: string, width: number): ModelEntry => ({
  doc: `six convolutions and two linear layers, ${doc}: spiking, LIF neurons, outputs are rates for the squared error`,
  build: (input, spiking, randomState) => new StdsCifar10({ ...input, width, ...spiking, randomState }),
  spiking: true,
});

/** All networks by name, with a description and a function that builds each. */
export const modelRegistry: ModelList = {
  ...smallModels,
  "resnet-18": resNet(18, "ResNet-18, torchvision's; 11,689,512 parameters at 1000 classes"),
  "resnet-34": resNet(34, "ResNet-34, torchvision's; 21,797,672 parameters at 1000 classes"),
  "resnet-50": resNet(50, "ResNet-50, torchvision's; 25,557,032 parameters at 1000 classes"),
  "resnet-50-lats": resNet(
    50,
    "ResNet-50 with a 1x1 convolution without bias as classifier, as in the soft-threshold papers; 25,556,032 parameters at 1000 classes",
    "conv",
  ),
  "mobilenet-v1": mobileNetV1(
    "MobileNet-V1 with a 1x1 convolution without bias as classifier, as in the soft-threshold papers; 4,230,976 parameters at 1000 classes",
    "conv",
  ),
  "mobilenet-v1-linear": mobileNetV1("MobileNet-V1, the usual form; 4,231,976 parameters at 1000 classes", "linear"),
  "mobilenet-v2": {
    doc: "MobileNetV2, torchvision's: inverted residuals, dropout 0.2; 3,504,872 parameters at 1000 classes",
    build: ({ channels, classes }, _spiking, random) => new MobileNetV2({ channels, classes, random }),
    blocks: /^features\.(?:[1-9]|1[0-7])$/,
  },
  "efficientnet-b0": {
    doc: "EfficientNet-B0, torchvision's: squeeze and excitation, stochastic depth 0.2, dropout 0.2; 5,288,548 parameters at 1000 classes",
    build: ({ channels, classes }, _spiking, random) => new EfficientNet({ channels, classes, random }),
    blocks: /^features\.[1-7]\.\d+$/,
  },
  "mixnet-s": {
    doc: "MixNet-S with timm's names: mixed depthwise kernels, dropout 0.2; 4,134,606 parameters at 1000 classes",
    build: ({ channels, classes }, _spiking, random) => new MixNet({ channels, classes, random }),
    blocks: /^blocks\.\d\.\d$/,
  },
  alexnet: {
    doc: "AlexNet, torchvision's: one column, dropout 0.5; 61,100,840 parameters at 1000 classes",
    build: ({ channels, classes }, _spiking, random) => new AlexNet({ channels, classes, random }),
  },
  "alexnet-lrn": {
    doc: "AlexNet of 2012: response normalisation, two groups, dropout 0.5; 60,965,224 parameters at 1000 classes",
    build: ({ channels, classes }, _spiking, random) => new AlexNetLrn({ channels, classes, random }),
  },
  "vgg16-bn": {
    doc: "VGG16 with batch norm, torchvision's: dropout 0.5; 138,365,992 parameters at 1000 classes",
    build: ({ channels, classes }, _spiking, random) => new Vgg16Bn({ channels, classes, random }),
  },
  "sew-resnet-18": sewResNet(18, "11,689,512"),
  "sew-resnet-34": sewResNet(34, "21,797,672"),
  "sew-resnet-50": sewResNet(50, "25,557,032"),
  "sew-cifar10-dvs": sewDvs("cifar10-dvs", "CIFAR10-DVS"),
  "stds-cifar10": stds("STDS's net for CIFAR-10, 36,718,336 parameters", 256),
  "stds-narrow": stds("the same with 16 channels, for quick trials", 16),
  "sew-gesture": sewDvs("gesture", "DVS128 Gesture"),
};

/**
 * Build a model by name. Throws OpError for an unknown name, and for options that the model does not accept.
 *
 * @example
 * const model = buildModel("lenet-bn", { channels: 1, size: 28, classes: 10 });
 * console.log(summarize(model, [1, 28, 28]).parameters); // 105218
 */
export function buildModel(name: string, input: ModelInput, options?: BuildOptions): ImageModel {
  return buildFrom(modelRegistry, name, input, options);
}
