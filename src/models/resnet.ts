// ResNet-18, -34 and -50 for ImageNet (He et al. 2016), with torchvision's names, strides and initial values.
import { expectOptions, OpError } from "../gpu/index.ts";
import * as nn from "../nn/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { KeysOf } from "../text/index.ts";
import { type ClassifierKind, classifierLayer, classify } from "./classifier.ts";
import { BasicBlock, Bottleneck, normRelu, resNetStages } from "./resnet_block.ts";

const PLANS = {
  18: { block: BasicBlock, layers: [2, 2, 2, 2] },
  34: { block: BasicBlock, layers: [3, 4, 6, 3] },
  50: { block: Bottleneck, layers: [3, 4, 6, 3] },
} as const;

/** Number of layers with weights. */
export type ResNetDepth = 18 | 34 | 50;

/** Options of `ResNet`. */
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
 * Throws OpError for an unknown option or depth.
 */
export class ResNet extends nn.Module {
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly maxpool: nn.MaxPool2d;
  readonly layer1: nn.Sequential;
  readonly layer2: nn.Sequential;
  readonly layer3: nn.Sequential;
  readonly layer4: nn.Sequential;
  readonly fc: nn.Conv2d | nn.Linear;
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
    const init = nn.kaimingNormalInit(classifier === "conv" ? "fan_in" : "fan_out");
    this.fuse = fuse;
    this.conv1 = new nn.Conv2d(channels, 64, 7, { stride: 2, padding: 3, bias: false, init });
    this.bn1 = new nn.BatchNorm2d(64);
    this.maxpool = new nn.MaxPool2d({ kernel: 3, stride: 2, padding: 1 });
    const make = (from: number, width: number, stride: number) => new Block(from, width, stride, { fuse, init });
    [this.layer1, this.layer2, this.layer3, this.layer4] = resNetStages(layers, Block.expansion, make);
    this.fc = classifierLayer(classifier, 512 * Block.expansion, classes);
  }

  forward(x: Tensor): Tensor {
    let y = this.maxpool.forward(normRelu(this.bn1, this.conv1.forward(x), this.fuse));
    for (const layer of [this.layer1, this.layer2, this.layer3, this.layer4]) y = layer.forward(y);
    return classify(this.fc, y);
  }
}
