// Squeeze and excitation: scales each channel by a factor computed from the means of all channels.
import { expectOptions } from "../gpu/index.ts";
import { mul } from "../ops/binary.ts";
import { mean } from "../ops/sum.ts";
import { sigmoid, silu } from "../ops/unary.ts";
import type { Tensor } from "../tensor/index.ts";
import { Conv2d } from "./conv.ts";
import type { Initializer } from "./init.ts";
import { Module } from "./module.ts";

/**
 * Compute x · sigmoid(expand(silu(reduce(mean of x over space)))): x [N, C, H, W] -> the same shape. `reduce` and `expand` are 1x1
 * convolutions, C to few channels and back. Hu et al. 2018, with SiLU as in EfficientNet.
 */
export function squeezeExcite(x: Tensor, reduce: Conv2d, expand: Conv2d): Tensor {
  const means = mean(x, { axes: [2, 3], keepdims: true });
  return mul(x, sigmoid(expand.forward(silu(reduce.forward(means)))));
}

/** squeezeExcite as a layer; its two convolutions have torchvision's names. Throws OpError for an unknown option. */
export class SqueezeExcitation extends Module {
  readonly fc1: Conv2d;
  readonly fc2: Conv2d;

  constructor(
    channels: number,
    squeezed: number,
    config: { readonly init?: Initializer; readonly biasInit?: Initializer } = {},
  ) {
    super();
    expectOptions("SqueezeExcitation", config, { init: true, biasInit: true });
    this.fc1 = new Conv2d(channels, squeezed, 1, config);
    this.fc2 = new Conv2d(squeezed, channels, 1, config);
  }

  forward(x: Tensor): Tensor {
    return squeezeExcite(x, this.fc1, this.fc2);
  }
}
