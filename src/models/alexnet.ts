// AlexNet in two forms: torchvision's (Krizhevsky 2014, one column), and the 2012 paper's, with response normalisation and groups
// in the layers that were split over two cards.

import { expectOptions } from "../gpu/index.ts";
import {
  AdaptiveAvgPool2d,
  Conv2d,
  type Conv2dConfig,
  constantInit,
  Dropout,
  Linear,
  type LinearConfig,
  LocalResponseNorm,
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

export interface AlexNetConfig {
  readonly channels?: number;
  readonly classes?: number;
  /** Dropout before each of the two hidden linear layers. Default 0.5. */
  readonly dropout?: number;
  /** Random state of dropout. */
  readonly random: RandomState;
}

const KEYS: KeysOf<AlexNetConfig> = { channels: true, classes: true, dropout: true, random: true };

const WIDE = 4096;
/** Side of the classifier's input for 224 pixels. Other sizes are pooled to it, smaller ones repeated. */
const SIDE = 6;

const pool = () => new MaxPool2d({ kernel: 3, stride: 2 });

/** dropout - fc - ReLU - dropout - fc - ReLU - fc. `hidden` is for the first two, `last` for the third. */
function classifierOf(
  features: number,
  { classes = 1000, dropout = 0.5, random }: AlexNetConfig,
  hidden: LinearConfig = {},
  last: LinearConfig = {},
): Sequential {
  return new Sequential([
    new Dropout(dropout, random),
    new Linear(features * SIDE * SIDE, WIDE, hidden),
    new ReLU(),
    new Dropout(dropout, random),
    new Linear(WIDE, WIDE, hidden),
    new ReLU(),
    new Linear(WIDE, classes, last),
  ]);
}

/** Five convolutions and three linear layers. x [N, C, H, W] of at least 63 pixels; 224 in the papers. */
class AlexNetBase extends Module {
  readonly features: Sequential;
  readonly avgpool = new AdaptiveAvgPool2d(SIDE);
  readonly classifier: Sequential;

  constructor(features: Sequential, classifier: Sequential) {
    super();
    this.features = features;
    this.classifier = classifier;
  }

  forward(x: Tensor): Tensor {
    return this.classifier.forward(flatten(this.avgpool.forward(this.features.forward(x)), { startAxis: 1 }));
  }
}

/** torchvision's AlexNet, with its names and initial values (PyTorch's default). 61,100,840 parameters with 1000 classes. */
export class AlexNet extends AlexNetBase {
  constructor(config: AlexNetConfig) {
    expectOptions("AlexNet", config, KEYS);
    const { channels = 3 } = config;
    const features = [
      new Conv2d(channels, 64, 11, { stride: 4, padding: 2 }),
      new ReLU(),
      pool(),
      new Conv2d(64, 192, 5, { padding: 2 }),
      new ReLU(),
      pool(),
      new Conv2d(192, 384, 3, { padding: 1 }),
      new ReLU(),
      new Conv2d(384, 256, 3, { padding: 1 }),
      new ReLU(),
      new Conv2d(256, 256, 3, { padding: 1 }),
      new ReLU(),
      pool(),
    ];
    super(new Sequential(features), classifierOf(256, config));
  }
}

/**
 * AlexNet as published in 2012: 96, 256, 384, 384, 256 channels; groups of two in the second, fourth and fifth convolution;
 * response normalisation over five channels (k 2, alpha 1e-4, beta 0.75) after the first two ReLUs and before their pools;
 * weights N(0, 0.01²), bias 1 in those convolutions and the hidden linear layers, else 0. 60,965,224 parameters with 1000
 * classes. The images are 224 pixels wide with padding 2, which gives the paper's 55 x 55 outputs.
 */
export class AlexNetLrn extends AlexNetBase {
  constructor(config: AlexNetConfig) {
    expectOptions("AlexNetLrn", config, KEYS);
    const { channels = 3 } = config;
    const init = normalInit(0.01);
    const quiet = { init, biasInit: constantInit(0) };
    const awake = { init, biasInit: constantInit(1) };
    const conv = (from: number, to: number, kernel: number, options: Conv2dConfig) =>
      new Conv2d(from, to, kernel, { padding: Math.floor(kernel / 2), ...options });
    // The layer divides alpha by the window's size, the paper does not.
    const norm = () => new LocalResponseNorm({ size: 5, alpha: 5e-4, beta: 0.75, k: 2 });
    const features = [
      conv(channels, 96, 11, { stride: 4, padding: 2, ...quiet }),
      new ReLU(),
      norm(),
      pool(),
      conv(96, 256, 5, { groups: 2, ...awake }),
      new ReLU(),
      norm(),
      pool(),
      conv(256, 384, 3, quiet),
      new ReLU(),
      conv(384, 384, 3, { groups: 2, ...awake }),
      new ReLU(),
      conv(384, 256, 3, { groups: 2, ...awake }),
      new ReLU(),
      pool(),
    ];
    super(new Sequential(features), classifierOf(256, config, awake, quiet));
  }
}
