// AlexNet in two forms: torchvision's (Krizhevsky 2014, one column), and the 2012 paper's, with response normalisation and groups
// in the layers that were split over two cards.

import { expectOptions } from "../gpu/index.ts";
import * as nn from "../nn/index.ts";
import { flatten } from "../ops/reshape.ts";
import type { Tensor } from "../tensor/index.ts";
import { DROPOUT_NET_KEYS, type DropoutNetConfig } from "./classifier.ts";

/** Dropout before each of the two hidden linear layers. Default 0.5. */
export type AlexNetConfig = DropoutNetConfig;

const WIDE = 4096;
/** Side of the classifier's input for 224 pixels. Other sizes are pooled to it, smaller ones repeated. */
const SIDE = 6;

const pool = () => new nn.MaxPool2d({ kernel: 3, stride: 2 });

/** dropout - fc - ReLU - dropout - fc - ReLU - fc. `hidden` is for the first two, `last` for the third. */
function classifierOf(
  features: number,
  { classes = 1000, dropout = 0.5, random }: AlexNetConfig,
  hidden: nn.LinearConfig = {},
  last: nn.LinearConfig = {},
): nn.Sequential {
  return new nn.Sequential([
    new nn.Dropout(dropout, random),
    new nn.Linear(features * SIDE * SIDE, WIDE, hidden),
    new nn.ReLU(),
    new nn.Dropout(dropout, random),
    new nn.Linear(WIDE, WIDE, hidden),
    new nn.ReLU(),
    new nn.Linear(WIDE, classes, last),
  ]);
}

/** Five convolutions and three linear layers. x [N, C, H, W] of at least 63 pixels; 224 in the papers. */
/** Layers that both versions of AlexNet have. */
export class AlexNetBase extends nn.Module {
  readonly features: nn.Sequential;
  readonly avgpool = new nn.AdaptiveAvgPool2d(SIDE);
  readonly classifier: nn.Sequential;

  constructor(features: nn.Sequential, classifier: nn.Sequential) {
    super();
    this.features = features;
    this.classifier = classifier;
  }

  forward(x: Tensor): Tensor {
    return this.classifier.forward(flatten(this.avgpool.forward(this.features.forward(x)), { startAxis: 1 }));
  }
}

/**
 * torchvision's AlexNet, with its names and initial values (PyTorch's default). 61,100,840 parameters with 1000 classes.
 * Throws OpError for an unknown option.
 */
export class AlexNet extends AlexNetBase {
  constructor(config: AlexNetConfig) {
    expectOptions("AlexNet", config, DROPOUT_NET_KEYS);
    const { channels = 3 } = config;
    const features = [
      new nn.Conv2d(channels, 64, 11, { stride: 4, padding: 2 }),
      new nn.ReLU(),
      pool(),
      new nn.Conv2d(64, 192, 5, { padding: 2 }),
      new nn.ReLU(),
      pool(),
      new nn.Conv2d(192, 384, 3, { padding: 1 }),
      new nn.ReLU(),
      new nn.Conv2d(384, 256, 3, { padding: 1 }),
      new nn.ReLU(),
      new nn.Conv2d(256, 256, 3, { padding: 1 }),
      new nn.ReLU(),
      pool(),
    ];
    super(new nn.Sequential(features), classifierOf(256, config));
  }
}

/**
 * AlexNet as published in 2012: 96, 256, 384, 384, 256 channels; groups of two in the second, fourth and fifth convolution;
 * response normalisation over five channels (k 2, alpha 1e-4, beta 0.75) after the first two ReLUs and before their pools;
 * weights N(0, 0.01²), bias 1 in those convolutions and the hidden linear layers, else 0. 60,965,224 parameters with 1000
 * classes. The images are 224 pixels wide with padding 2, which gives the paper's 55 x 55 outputs.
 * Throws OpError for an unknown option.
 */
export class AlexNetLrn extends AlexNetBase {
  constructor(config: AlexNetConfig) {
    expectOptions("AlexNetLrn", config, DROPOUT_NET_KEYS);
    const { channels = 3 } = config;
    const init = nn.normalInit(0.01);
    const quiet = { init, biasInit: nn.constantInit(0) };
    const awake = { init, biasInit: nn.constantInit(1) };
    const conv = (from: number, to: number, kernel: number, options: nn.Conv2dConfig) =>
      new nn.Conv2d(from, to, kernel, { padding: Math.floor(kernel / 2), ...options });
    // The layer divides alpha by the window's size, the paper does not.
    const norm = () => new nn.LocalResponseNorm({ size: 5, alpha: 5e-4, beta: 0.75, k: 2 });
    const features = [
      conv(channels, 96, 11, { stride: 4, padding: 2, ...quiet }),
      new nn.ReLU(),
      norm(),
      pool(),
      conv(96, 256, 5, { groups: 2, ...awake }),
      new nn.ReLU(),
      norm(),
      pool(),
      conv(256, 384, 3, quiet),
      new nn.ReLU(),
      conv(384, 384, 3, { groups: 2, ...awake }),
      new nn.ReLU(),
      conv(384, 256, 3, { groups: 2, ...awake }),
      new nn.ReLU(),
      pool(),
    ];
    super(new nn.Sequential(features), classifierOf(256, config, awake, quiet));
  }
}
