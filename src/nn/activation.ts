// Activation layers: pointwise functions as modules.
import { gelu, hardsigmoid, hardswish, leakyRelu, relu, relu6, sigmoid, silu, softplus, tanh } from "../ops/unary.ts";
import type { Tensor } from "../tensor/index.ts";
import { Module } from "./module.ts";

/** A layer that applies a pointwise function. */
export class Pointwise extends Module {
  private readonly fn: (x: Tensor) => Tensor;
  constructor(fn: (x: Tensor) => Tensor) {
    super();
    this.fn = fn;
  }
  forward(x: Tensor): Tensor {
    return this.fn(x);
  }
}

/** Return the layer class of a function without options. */
function pointwiseLayer(name: string, fn: (x: Tensor) => Tensor): new () => Pointwise {
  const layer = class extends Pointwise {
    constructor() {
      super(fn);
    }
  };
  // Summaries show it.
  Object.defineProperty(layer, "name", { value: name });
  return layer;
}

export const ReLU = pointwiseLayer("ReLU", (x) => relu(x));
export const ReLU6 = pointwiseLayer("ReLU6", (x) => relu6(x));
export const SiLU = pointwiseLayer("SiLU", (x) => silu(x));
export const Hardswish = pointwiseLayer("Hardswish", (x) => hardswish(x));
export const Hardsigmoid = pointwiseLayer("Hardsigmoid", (x) => hardsigmoid(x));
export const Sigmoid = pointwiseLayer("Sigmoid", (x) => sigmoid(x));
export const Tanh = pointwiseLayer("Tanh", (x) => tanh(x));
export const Softplus = pointwiseLayer("Softplus", (x) => softplus(x));

export class GELU extends Module {
  readonly approximate: "none" | "tanh";
  constructor(approximate: "none" | "tanh" = "none") {
    super();
    this.approximate = approximate;
  }
  forward(x: Tensor): Tensor {
    return gelu(x, { approximate: this.approximate });
  }
}

export class LeakyReLU extends Module {
  readonly negativeSlope: number;
  constructor(negativeSlope = 0.01) {
    super();
    this.negativeSlope = negativeSlope;
  }
  forward(x: Tensor): Tensor {
    return leakyRelu(x, { negativeSlope: this.negativeSlope });
  }
}
