// LeNet-5 (LeCun et al. 1998) in its usual form: a fully connected second convolution, average pooling without weights, and a
// linear output layer.
import { expectOptions, OpError } from "../gpu/index.ts";
import * as nn from "../nn/index.ts";
import { flatten } from "../ops/reshape.ts";
import { tanh } from "../ops/unary.ts";
import type { Tensor } from "../tensor/index.ts";
import type { KeysOf } from "../text/index.ts";

/** Options of `LeNet`. */
export interface LeNetConfig {
  readonly channels?: number;
  /** Height and width. Default 28; at least 12. Images below 32 pixels get a border of two. */
  readonly size?: number;
  readonly classes?: number;
}

const SMALLEST = 12;

/**
 * conv 5x5 6 - tanh - average pool 2 - conv 5x5 16 - tanh - average pool 2 - fc 120 - tanh - fc 84 - tanh - fc classes.
 * 61,706 parameters for grey images of 28 or 32 pixels and ten classes. Throws OpError for images below 12 pixels.
 */
export class LeNet extends nn.Module {
  readonly conv1: nn.Conv2d;
  readonly conv2: nn.Conv2d;
  readonly fc1: nn.Linear;
  readonly fc2: nn.Linear;
  readonly fc3: nn.Linear;
  readonly pool = new nn.AvgPool2d({ kernel: 2 });

  constructor(config: LeNetConfig = {}) {
    super();
    const known: KeysOf<LeNetConfig> = { channels: true, size: true, classes: true };
    expectOptions("LeNet", config, known);
    const { channels = 1, size = 28, classes = 10 } = config;
    if (!(size >= SMALLEST)) throw new OpError("LeNet", `size: expected at least ${SMALLEST} pixels, got ${size}`);
    const padding = size < 32 ? 2 : 0;
    const pooled = (side: number) => Math.floor((side - 4) / 2);
    const side = pooled(pooled(size + 2 * padding));
    this.conv1 = new nn.Conv2d(channels, 6, 5, { padding });
    this.conv2 = new nn.Conv2d(6, 16, 5);
    this.fc1 = new nn.Linear(16 * side * side, 120);
    this.fc2 = new nn.Linear(120, 84);
    this.fc3 = new nn.Linear(84, classes);
  }

  forward(x: Tensor): Tensor {
    const first = this.pool.forward(tanh(this.conv1.forward(x)));
    const second = this.pool.forward(tanh(this.conv2.forward(first)));
    const third = tanh(this.fc1.forward(flatten(second, { startAxis: 1 })));
    return this.fc3.forward(tanh(this.fc2.forward(third)));
  }
}
