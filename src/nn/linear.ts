// Fully connected layer.
import { linear } from "../ops/linear.ts";
import type { Tensor } from "../tensor/index.ts";
import { defaultBiasInit, defaultWeightInit, type Initializer } from "./init.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";

export interface LinearConfig {
  readonly bias?: boolean;
  readonly init?: Initializer;
  /** Default U(±1/sqrt(in)). */
  readonly biasInit?: Initializer;
}

/** Linear(inFeatures, outFeatures, { bias }): x [*, in] -> [*, out]; weight [out, in]. */
export class Linear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  constructor(
    inFeatures: number,
    outFeatures: number,
    { bias = true, init = defaultWeightInit, biasInit }: LinearConfig = {},
  ) {
    super();
    const shape = [outFeatures, inFeatures];
    this.weight = new Parameter(shape, init, { prunable: true });
    this.bias = bias ? new Parameter([outFeatures], biasInit ?? defaultBiasInit(shape)) : null;
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }
}
