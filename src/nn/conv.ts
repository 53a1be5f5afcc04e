// Convolution layer.
import { expectOptions, OpError } from "../gpu/index.ts";
import { pairOf } from "../ops/conv/shape.ts";
import { type Conv2dOptions, conv2d } from "../ops/conv2d.ts";
import type { Tensor } from "../tensor/index.ts";
import type { KeysOf } from "../text/index.ts";
import { defaultBiasInit, defaultWeightInit } from "./init.ts";
import type { LinearConfig } from "./linear.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";
import { expectSizes } from "./sizes.ts";

/** Options of `Conv2d`. */
export type Conv2dConfig = Conv2dOptions & LinearConfig;

const KEYS: KeysOf<Conv2dConfig> = {
  ...{ stride: true, padding: true, dilation: true, groups: true, algorithm: true },
  ...{ bias: true, init: true, biasInit: true },
};

/**
 * 2D convolution. Weight [outChannels, inChannels / groups, kh, kw], initially uniform in ±1/sqrt(fan_in), and bias
 * [outChannels].
 *
 * Shapes    x [N,C,H,W] -> y [N,O,H',W'], H' = floor((H + 2·padding - dilation·(kh-1) - 1) / stride) + 1.
 * Errors    OpError for an unknown option, and those of `conv2d`.
 * @example
 * const conv = new Conv2d(3, 16, 3, { padding: 1, bias: false });
 * console.log(conv.forward(zeros([2, 3, 8, 8])).shape); // 2, 16, 8, 8
 */
export class Conv2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  /** Stride, padding, dilation and groups. */
  readonly options: Conv2dOptions;

  constructor(
    inChannels: number,
    outChannels: number,
    kernel: number | readonly [number, number],
    config: Conv2dConfig = {},
  ) {
    super();
    expectOptions("Conv2d", config, KEYS);
    expectSizes("Conv2d", { inChannels, outChannels });
    const [kh, kw] = pairOf("Conv2d", "kernel", kernel, 1);
    const { bias = true, init = defaultWeightInit, biasInit, ...options } = config;
    const groups = options.groups ?? 1;
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      const problem = `groups: expected a divisor of ${inChannels} and ${outChannels} channels, got ${groups}`;
      throw new OpError("Conv2d", problem);
    }
    const shape = [outChannels, inChannels / groups, kh, kw];
    this.weight = new Parameter(shape, init, { prunable: true });
    this.bias = bias ? new Parameter([outChannels], biasInit ?? defaultBiasInit(shape)) : null;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, this.options);
  }
}
