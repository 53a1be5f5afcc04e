// Fully connected layer.
import { expectOptions } from "../gpu/index.ts";
import { linear } from "../ops/linear.ts";
import type { Tensor } from "../tensor/index.ts";
import type { KeysOf } from "../text/index.ts";
import { defaultBiasInit, defaultWeightInit, type Initializer } from "./init.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";
import { expectSizes } from "./sizes.ts";

/** Options of `Linear`. */
export interface LinearConfig {
  readonly bias?: boolean;
  readonly init?: Initializer;
  /** Default U(±1/sqrt(fan_in)). */
  readonly biasInit?: Initializer;
}

const KEYS: KeysOf<LinearConfig> = { bias: true, init: true, biasInit: true };

/**
 * Linear layer y = x Wᵀ + b. Weight [outFeatures, inFeatures], initially uniform in ±1/sqrt(inFeatures), and bias
 * [outFeatures].
 *
 * Shapes    x [*, inFeatures] -> y [*, outFeatures].
 * Errors    OpError for an unknown option, and those of `linear`.
 * @example
 * const layer = new Linear(4, 2);
 * console.log(layer.forward(zeros([8, 4])).shape); // 8, 2
 */
export class Linear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  constructor(inFeatures: number, outFeatures: number, config: LinearConfig = {}) {
    super();
    expectOptions("Linear", config, KEYS);
    expectSizes("Linear", { inFeatures, outFeatures });
    const { bias = true, init = defaultWeightInit, biasInit } = config;
    const shape = [outFeatures, inFeatures];
    this.weight = new Parameter(shape, init, { prunable: true });
    this.bias = bias ? new Parameter([outFeatures], biasInit ?? defaultBiasInit(shape)) : null;
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }
}
