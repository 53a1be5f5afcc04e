// LeNet with batch norm: the small convolutional net of the MNIST runs.

import { expectOptions } from "../gpu/index.ts";
import { BatchNorm2d, Conv2d, Flatten, Linear, ReLU, Sequential } from "../nn/index.ts";
import type { KeysOf } from "../text/index.ts";
import type { LeNetConfig } from "./lenet.ts";

/**
 * conv 5x5/2 8 - BN - ReLU - conv 5x5/2 16 - BN - ReLU - fc 128 - ReLU - fc classes. 105,218 parameters for 28x28 grey
 * images and ten classes. Convolutions have no bias: batch norm would cancel it.
 */
export class LeNetBN extends Sequential {
  constructor(config: LeNetConfig = {}) {
    const known: KeysOf<LeNetConfig> = { channels: true, size: true, classes: true };
    expectOptions("LeNetBN", config, known);
    const { channels = 1, size = 28, classes = 10 } = config;
    const side = Math.ceil(Math.ceil(size / 2) / 2);
    super([
      new Conv2d(channels, 8, 5, { stride: 2, padding: 2, bias: false }),
      new BatchNorm2d(8),
      new ReLU(),
      new Conv2d(8, 16, 5, { stride: 2, padding: 2, bias: false }),
      new BatchNorm2d(16),
      new ReLU(),
      new Flatten(),
      new Linear(16 * side * side, 128),
      new ReLU(),
      new Linear(128, classes),
    ]);
  }
}
