// Layers of layer and group normalisation, which use no statistics of the batch: training and evaluation are the same.
import { expectOptions, OpError } from "../gpu/index.ts";
import { groupNorm } from "../ops/group_norm.ts";
import { layerNorm } from "../ops/layer_norm.ts";
import type { Shape, Tensor } from "../tensor/index.ts";
import type { KeysOf } from "../text/index.ts";
import { constantInit } from "./init.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";
import { expectSizes } from "./sizes.ts";

/** Options of `LayerNorm`. */
export interface LayerNormConfig {
  /** Default 1e-5. */
  readonly eps?: number;
  /** True (default): weight (initially 1) and bias (initially 0) of each element. */
  readonly elementwiseAffine?: boolean;
  /** False: a weight without a bias. Default true. */
  readonly bias?: boolean;
}

const LAYER: KeysOf<LayerNormConfig> = { eps: true, elementwiseAffine: true, bias: true };

/**
 * Normalise the last axes of x, whose sizes are `shape` (a number: the last axis), for each position: x [*, ...shape] -> like x.
 * Throws OpError if x ends otherwise.
 *
 * @example
 * const layer = new LayerNorm(4);
 * const y = layer.forward(tensor([[1, 2, 3, 4]]));
 * console.log(await y.data()); // -1.34 -0.45 0.45 1.34
 */
export class LayerNorm extends Module {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  /** Sizes of the normalised axes. */
  readonly shape: Shape;
  /** Added to the variance. */
  readonly eps: number;

  constructor(shape: number | Shape, config: LayerNormConfig = {}) {
    super();
    expectOptions("LayerNorm", config, LAYER);
    const { eps = 1e-5, elementwiseAffine = true, bias = true } = config;
    this.shape = Array.isArray(shape) ? (shape as Shape) : [shape as number];
    expectSizes("LayerNorm", Object.fromEntries(this.shape.map((size, i) => [`shape[${i}]`, size])));
    this.weight = elementwiseAffine ? new Parameter(this.shape, constantInit(1)) : null;
    this.bias = elementwiseAffine && bias ? new Parameter(this.shape, constantInit(0)) : null;
    this.eps = eps;
  }

  forward(x: Tensor): Tensor {
    const { weight, bias, eps } = this;
    return layerNorm(x, this.shape, { weight, bias, eps });
  }
}

/** Options of `GroupNorm`. */
export interface GroupNormConfig {
  /** Default 1e-5. */
  readonly eps?: number;
  /** True (default): weight (initially 1) and bias (initially 0) of each channel. */
  readonly affine?: boolean;
}

const GROUP: KeysOf<GroupNormConfig> = { eps: true, affine: true };

/**
 * Normalise each sample's groups of channels: x [N, C, ...] -> like x. Throws OpError if `groups` does not divide the channels.
 *
 * @example
 * const layer = new GroupNorm(2, 4);
 * const y = layer.forward(zeros([1, 4, 8, 8])); // [1, 4, 8, 8]
 */
export class GroupNorm extends Module {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  /** Number of groups. */
  readonly groups: number;
  /** Added to the variance. */
  readonly eps: number;

  constructor(groups: number, channels: number, config: GroupNormConfig = {}) {
    super();
    expectOptions("GroupNorm", config, GROUP);
    expectSizes("GroupNorm", { channels });
    if (!(Number.isInteger(groups) && groups >= 1 && channels % groups === 0))
      throw new OpError("GroupNorm", `groups: expected a divisor of the ${channels} channels, got ${groups}`);
    const { eps = 1e-5, affine = true } = config;
    this.weight = affine ? new Parameter([channels], constantInit(1)) : null;
    this.bias = affine ? new Parameter([channels], constantInit(0)) : null;
    this.groups = groups;
    this.eps = eps;
  }

  forward(x: Tensor): Tensor {
    const { weight, bias, eps } = this;
    return groupNorm(x, this.groups, { weight, bias, eps });
  }
}
