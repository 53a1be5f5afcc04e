// LeNet with batch norm: the small convolutional net of the MNIST runs.

import { expectOptions } from "../gpu/index.ts";
import * as nn from "../nn/index.ts";
import type { KeysOf } from "../text/index.ts";
import type { LeNetConfig } from "./lenet.ts";

/**
 * conv 5x5/2 8 - BN - ReLU - conv 5x5/2 16 - BN - ReLU - fc 128 - ReLU - fc classes. 105,218 parameters for 28x28 grey
 * images and ten classes. Convolutions have no bias: batch norm would cancel it.
 * Throws OpError for an unknown option.
 */
export class LeNetBN extends nn.Sequential {
  constructor(config: LeNetConfig = {}) {
    const known: KeysOf<LeNetConfig> = { channels: true, size: true, classes: true };
    expectOptions("LeNetBN", config, known);
    const { channels = 1, size = 28, classes = 10 } = config;
    const side = Math.ceil(Math.ceil(size / 2) / 2);
    super([
      new nn.Conv2d(channels, 8, 5, { stride: 2, padding: 2, bias: false }),
      new nn.BatchNorm2d(8),
      new nn.ReLU(),
      new nn.Conv2d(8, 16, 5, { stride: 2, padding: 2, bias: false }),
      new nn.BatchNorm2d(16),
      new nn.ReLU(),
      new nn.Flatten(),
      new nn.Linear(16 * side * side, 128),
      new nn.ReLU(),
      new nn.Linear(128, classes),
    ]);
  }
}
