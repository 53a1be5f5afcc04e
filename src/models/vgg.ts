// VGG16 with batch norm (Simonyan and Zisserman 2015), with torchvision's names and initial values.

import { expectOptions } from "../gpu/index.ts";
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  constantInit,
  Dropout,
  Linear,
  MaxPool2d,
  Module,
  normalInit,
  type RandomState,
  ReLU,
  Sequential,
} from "../nn/index.ts";
import { flatten } from "../ops/reshape.ts";
import type { Tensor } from "../tensor/index.ts";
import type { KeysOf } from "../text/index.ts";
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

export interface Vgg16Config {
  readonly channels?: number;
  readonly classes?: number;
  /** Dropout after each of the two hidden linear layers. Default 0.5. */
  readonly dropout?: number;
  /** Random state of dropout. */
  readonly random: RandomState;
}

/** 138,365,992 parameters with 1000 classes. x [N, C, H, W] of at least 32 pixels; 224 in the paper. */
export class Vgg16Bn extends Module {
  readonly features: Sequential;
  readonly avgpool = new AdaptiveAvgPool2d(SIDE);
  readonly classifier: Sequential;

  constructor(config: Vgg16Config) {
    super();
    const known: KeysOf<Vgg16Config> = { channels: true, classes: true, dropout: true, random: true };
    expectOptions("Vgg16Bn", config, known);
    const { channels = 3, classes = 1000, dropout = 0.5, random } = config;
    let from = channels;
    const layers = GROUPS.flatMap((group) => [
      ...group.flatMap((to) => {
        const conv = new Conv2d(from, to, 3, { padding: 1, ...fanOutInit });
        from = to;
        return [conv, new BatchNorm2d(to), new ReLU()];
      }),
      new MaxPool2d({ kernel: 2 }),
    ]);
    this.features = new Sequential(layers);
    const linear = (inputs: number, outputs: number) =>
      new Linear(inputs, outputs, { init: normalInit(0.01), biasInit: constantInit(0) });
    this.classifier = new Sequential([
      linear(from * SIDE * SIDE, WIDE),
      new ReLU(),
      new Dropout(dropout, random),
      linear(WIDE, WIDE),
      new ReLU(),
      new Dropout(dropout, random),
      linear(WIDE, classes),
    ]);
  }

  forward(x: Tensor): Tensor {
    return this.classifier.forward(flatten(this.avgpool.forward(this.features.forward(x)), { startAxis: 1 }));
  }
}
