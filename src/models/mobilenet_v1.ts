// MobileNet-V1: depthwise separable blocks (Howard et al. 2017). Names as in the code of the soft-threshold pruning papers.

import { expectOptions } from "../gpu/index.ts";
import * as nn from "../nn/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { KeysOf } from "../text/index.ts";
import { type ClassifierKind, classifierLayer, classify } from "./classifier.ts";

const unit = (from: number, to: number, kernel: number, stride: number, groups: number) => [
  new nn.Conv2d(from, to, kernel, { stride, padding: Math.floor(kernel / 2), groups, bias: false }),
  new nn.BatchNorm2d(to),
  new nn.ReLU(),
];

/** Options of `MobileNetV1`. */
export interface MobileNetV1Config {
  /** Channels after the first convolution. */
  readonly width: number;
  readonly firstStride: number;
  /** Output channels and stride of each separable block. */
  readonly plan: readonly (readonly [channels: number, stride: number])[];
  readonly channels?: number;
  readonly classes?: number;
  /** Default conv, as in the soft-threshold papers. */
  readonly classifier?: ClassifierKind;
}

/** The plan for ImageNet at 224 x 224: 4,230,976 parameters with 1000 classes, 4,231,976 with a linear classifier. */
export const mobilenetV1Plan: MobileNetV1Config["plan"] = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  ...Array.from({ length: 5 }, () => [512, 1] as const),
  [1024, 2],
  [1024, 1],
];

/**
 * MobileNet V1 (Howard et al. 2017): depthwise separable convolutions. x [N,C,H,W] -> logits [N, classes]. Throws OpError for
 * an unknown option.
 */
export class MobileNetV1 extends nn.Module {
  readonly model: nn.Sequential;
  readonly fc: nn.Conv2d | nn.Linear;

  constructor(config: MobileNetV1Config) {
    super();
    const known: KeysOf<MobileNetV1Config> = {
      width: true,
      firstStride: true,
      plan: true,
      channels: true,
      classes: true,
      classifier: true,
    };
    expectOptions("MobileNetV1", config, known);
    const { width, firstStride, plan, channels = 3, classes = 10, classifier = "conv" } = config;
    const blocks = [new nn.Sequential(unit(channels, width, 3, firstStride, 1))];
    let from = width;
    for (const [to, stride] of plan) {
      blocks.push(new nn.Sequential([...unit(from, from, 3, stride, from), ...unit(from, to, 1, 1, 1)]));
      from = to;
    }
    this.model = new nn.Sequential(blocks);
    this.fc = classifierLayer(classifier, from, classes);
  }

  forward(x: Tensor): Tensor {
    return classify(this.fc, this.model.forward(x));
  }
}
