// Convolution layer.
import { expectOptions, OpError } from "../gpu/index.ts";
import { type Conv2dOptions, conv2d } from "../ops/conv2d.ts";
import type { Tensor } from "../tensor/index.ts";
import type { KeysOf } from "../text/index.ts";
import { defaultBiasInit, defaultWeightInit } from "./init.ts";
import type { LinearConfig } from "./linear.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";

export type Conv2dConfig = Conv2dOptions & LinearConfig;

const KEYS: KeysOf<Conv2dConfig> = {
  ...{ stride: true, padding: true, dilation: true, groups: true, algorithm: true },
  ...{ bias: true, init: true, biasInit: true },
};

/** Conv2d(inChannels, outChannels, kernel, { stride, padding, dilation, groups, bias }): x [N,C,H,W] -> [N,O,H',W']. */
export class Conv2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  readonly options: Conv2dOptions;

  constructor(
    inChannels: number,
    outChannels: number,
    kernel: number | readonly [number, number],
    config: Conv2dConfig = {},
  ) {
    super();
    expectOptions("Conv2d", config, KEYS);
    const { bias = true, init = defaultWeightInit, biasInit, ...options } = config;
    const groups = options.groups ?? 1;
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      const problem = `groups: expected a divisor of ${inChannels} and ${outChannels} channels, got ${groups}`;
      throw new OpError("Conv2d", problem);
    }
    const [kh, kw] = typeof kernel === "number" ? [kernel, kernel] : kernel;
    const shape = [outChannels, inChannels / groups, kh, kw];
    this.weight = new Parameter(shape, init, { prunable: true });
    this.bias = bias ? new Parameter([outChannels], biasInit ?? defaultBiasInit(shape)) : null;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, this.options);
  }
}
