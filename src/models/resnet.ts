// ResNet-18, -34 and -50 for ImageNet (He et al. 2016), with torchvision's names, strides and initial values.
import { expectOptions, OpError } from "../gpu/index.ts";
import { BatchNorm2d, Conv2d, kaimingNormalInit, type Linear, MaxPool2d, Module, Sequential } from "../nn/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { KeysOf } from "../text/index.ts";
import { type ClassifierKind, classifierLayer, classify } from "./classifier.ts";
import { BasicBlock, Bottleneck, normRelu } from "./resnet_block.ts";

const PLANS = {
  18: { block: BasicBlock, layers: [2, 2, 2, 2] },
  34: { block: BasicBlock, layers: [3, 4, 6, 3] },
  50: { block: Bottleneck, layers: [3, 4, 6, 3] },
} as const;

export type ResNetDepth = keyof typeof PLANS;

export interface ResNetConfig {
  readonly depth?: ResNetDepth;
  readonly channels?: number;
  readonly classes?: number;
  /** Kind of the last layer. Default linear. */
  readonly classifier?: ClassifierKind;
  /** False: batch norm, addition and ReLU run as separate kernels, with equal results. Default true. */
  readonly fuse?: boolean;
}

/**
 * conv 7x7/2 - BN - ReLU - max pool 3x3/2 - four stages of blocks of 64, 128, 256, 512 channels - mean over space - fc.
 * x [N, C, H, W], of 224 x 224 pixels in the paper. Parameters with 1000 classes: 11,689,512,
 * 21,797,672 and 25,557,032.
 */
export class ResNet extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly maxpool: MaxPool2d;
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly layer4: Sequential;
  readonly fc: Conv2d | Linear;
  private readonly fuse: boolean;

  constructor(config: ResNetConfig = {}) {
    super();
    const known: KeysOf<ResNetConfig> = { depth: true, channels: true, classes: true, classifier: true, fuse: true };
    expectOptions("ResNet", config, known);
    const { depth = 18, channels = 3, classes = 1000, classifier = "linear", fuse = true } = config;
    if (!Object.hasOwn(PLANS, depth))
      throw new OpError("ResNet", `depth: expected one of ${Object.keys(PLANS).join(", ")}, got ${depth}`);
    const { block: Block, layers } = PLANS[depth];
    // This too differs between torchvision and the soft-threshold papers.
    const init = kaimingNormalInit(classifier === "conv" ? "fan_in" : "fan_out");
    this.fuse = fuse;
    this.conv1 = new Conv2d(channels, 64, 7, { stride: 2, padding: 3, bias: false, init });
    this.bn1 = new BatchNorm2d(64);
    this.maxpool = new MaxPool2d({ kernel: 3, stride: 2, padding: 1 });
    let from = 64;
    const stage = (width: number, blocks: number, stride: number) =>
      new Sequential(
        Array.from({ length: blocks }, (_, i) => {
          const block = new Block(from, width, i === 0 ? stride : 1, { fuse, init });
          from = width * Block.expansion;
          return block;
        }),
      );
    this.layer1 = stage(64, layers[0], 1);
    this.layer2 = stage(128, layers[1], 2);
    this.layer3 = stage(256, layers[2], 2);
    this.layer4 = stage(512, layers[3], 2);
    this.fc = classifierLayer(classifier, from, classes);
  }

  forward(x: Tensor): Tensor {
    let y = this.maxpool.forward(normRelu(this.bn1, this.conv1.forward(x), this.fuse));
    for (const layer of [this.layer1, this.layer2, this.layer3, this.layer4]) y = layer.forward(y);
    return classify(this.fc, y);
  }
}
