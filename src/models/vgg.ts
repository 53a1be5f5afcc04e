// VGG16 with batch norm (Simonyan and Zisserman 2015), with torchvision's names and initial values.

import { expectOptions } from "../gpu/index.ts";
import * as nn from "../nn/index.ts";
import { flatten } from "../ops/reshape.ts";
import type { Tensor } from "../tensor/index.ts";
import { DROPOUT_NET_KEYS, type DropoutNetConfig } from "./classifier.ts";
import { fanOutInit } from "./conv_norm.ts";

/** Channels of the 3x3 convolutions; a max pool ends each group. */
const GROUPS = [
  [64, 64],
  [128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [512, 512, 512],
] as const;
const WIDE = 4096;
/** Side of the classifier's input for 224 pixels. Other sizes are pooled to it, smaller ones repeated. */
const SIDE = 7;

/** Dropout after each of the two hidden linear layers. Default 0.5. */
export type Vgg16Config = DropoutNetConfig;

/**
 * 138,365,992 parameters with 1000 classes. x [N, C, H, W] of at least 32 pixels; 224 in the paper. Throws OpError for an
 * unknown option.
 */
export class Vgg16Bn extends nn.Module {
  readonly features: nn.Sequential;
  readonly avgpool = new nn.AdaptiveAvgPool2d(SIDE);
  readonly classifier: nn.Sequential;

  constructor(config: Vgg16Config) {
    super();
    expectOptions("Vgg16Bn", config, DROPOUT_NET_KEYS);
    const { channels = 3, classes = 1000, dropout = 0.5, random } = config;
    let from = channels;
    const layers = GROUPS.flatMap((group) => [
      ...group.flatMap((to) => {
        const conv = new nn.Conv2d(from, to, 3, { padding: 1, ...fanOutInit });
        from = to;
        return [conv, new nn.BatchNorm2d(to), new nn.ReLU()];
      }),
      new nn.MaxPool2d({ kernel: 2 }),
    ]);
    this.features = new nn.Sequential(layers);
    const linear = (inputs: number, outputs: number) =>
      new nn.Linear(inputs, outputs, { init: nn.normalInit(0.01), biasInit: nn.constantInit(0) });
    this.classifier = new nn.Sequential([
      linear(from * SIDE * SIDE, WIDE),
      new nn.ReLU(),
      new nn.Dropout(dropout, random),
      linear(WIDE, WIDE),
      new nn.ReLU(),
      new nn.Dropout(dropout, random),
      linear(WIDE, classes),
    ]);
  }

  forward(x: Tensor): Tensor {
    return this.classifier.forward(flatten(this.avgpool.forward(this.features.forward(x)), { startAxis: 1 }));
  }
}
