// Fully connected layer.
import { linear } from "../ops/linear.ts";
import type { Tensor } from "../tensor/index.ts";
import { defaultWeightInit, type Initializer, uniformInit } from "./init.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";

/** Linear(inFeatures, outFeatures, { bias }): x [*, in] -> [*, out]; weight [out, in]. */
export class Linear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  constructor(
    inFeatures: number,
    outFeatures: number,
    { bias = true, init = defaultWeightInit }: { readonly bias?: boolean; readonly init?: Initializer } = {},
  ) {
    super();
    this.weight = new Parameter([outFeatures, inFeatures], init, { prunable: true });
    this.bias = bias ? new Parameter([outFeatures], uniformInit(1 / Math.sqrt(inFeatures))) : null;
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }
}
