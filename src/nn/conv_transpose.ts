// Transposed convolution layer.
import { expectOptions, OpError } from "../gpu/index.ts";
import { pairOf } from "../ops/conv/shape.ts";
import { type ConvTranspose2dOptions, convTranspose2d } from "../ops/conv_transpose2d.ts";
import { numel, type Shape, type Tensor } from "../tensor/index.ts";
import type { KeysOf } from "../text/index.ts";
import { defaultBiasInit, defaultWeightInit } from "./init.ts";
import type { LinearConfig } from "./linear.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";
import { expectSizes } from "./sizes.ts";

/** Options of `ConvTranspose2d`. */
export type ConvTranspose2dConfig = ConvTranspose2dOptions & LinearConfig;

const KEYS: KeysOf<ConvTranspose2dConfig> = {
  ...{ stride: true, padding: true, outputPadding: true, dilation: true, groups: true, algorithm: true },
  ...{ bias: true, init: true, biasInit: true },
};

/**
 * Transposed convolution, x [N,C,H,W] -> [N,O,H',W']: enlarges images by its stride. Names, weight [C, O/groups, kh, kw] and initial
 * values are PyTorch's. Throws OpError for groups that do not divide the channels.
 *
 * @example
 * const layer = new ConvTranspose2d(8, 4, 4, { stride: 2, padding: 1 });
 * const y = layer.forward(zeros([1, 8, 5, 5])); // [1, 4, 10, 10]
 */
export class ConvTranspose2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  /** Stride, padding, output padding, dilation and groups. */
  readonly options: ConvTranspose2dOptions;

  constructor(
    inChannels: number,
    outChannels: number,
    kernel: number | readonly [number, number],
    config: ConvTranspose2dConfig = {},
  ) {
    super();
    expectOptions("ConvTranspose2d", config, KEYS);
    expectSizes("ConvTranspose2d", { inChannels, outChannels });
    const [kh, kw] = pairOf("ConvTranspose2d", "kernel", kernel, 1);
    const { bias = true, init = defaultWeightInit, biasInit, ...options } = config;
    const groups = options.groups ?? 1;
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      const problem = `groups: expected a divisor of ${inChannels} and ${outChannels} channels, got ${groups}`;
      throw new OpError("ConvTranspose2d", problem);
    }
    const shape = [inChannels, outChannels / groups, kh, kw];
    this.weight = new Parameter(shape, init, { prunable: true });
    this.bias = bias ? new Parameter([outChannels], biasInit ?? defaultBiasInit(shape)) : null;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return convTranspose2d(x, this.weight, this.bias, this.options);
  }

  /** Count the multiply-accumulates of one sample: every pixel of x is multiplied with the weights of its channel. */
  multiplyAdds(input: Shape): number {
    return this.weight.numel * numel(input.slice(2));
  }
}
