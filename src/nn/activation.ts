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

/** Layer of `relu`: x [*] -> y [*]. */
export const ReLU = pointwiseLayer("ReLU", (x) => relu(x));
/** Layer of `relu6`: x [*] -> y [*]. */
export const ReLU6 = pointwiseLayer("ReLU6", (x) => relu6(x));
/** Layer of `silu`: x [*] -> y [*]. */
export const SiLU = pointwiseLayer("SiLU", (x) => silu(x));
/** Layer of `hardswish`: x [*] -> y [*]. */
export const Hardswish = pointwiseLayer("Hardswish", (x) => hardswish(x));
/** Layer of `hardsigmoid`: x [*] -> y [*]. */
export const Hardsigmoid = pointwiseLayer("Hardsigmoid", (x) => hardsigmoid(x));
/** Layer of `sigmoid`: x [*] -> y [*]. */
export const Sigmoid = pointwiseLayer("Sigmoid", (x) => sigmoid(x));
/** Layer of `tanh`: x [*] -> y [*]. */
export const Tanh = pointwiseLayer("Tanh", (x) => tanh(x));
/** Layer of `softplus`: x [*] -> y [*]. */
export const Softplus = pointwiseLayer("Softplus", (x) => softplus(x));

/** Layer of `gelu`: x [*] -> y [*]. */
export class GELU extends Module {
  /** Form of the function: exact ("none") or by tanh. */
  readonly approximate: "none" | "tanh";
  constructor(approximate: "none" | "tanh" = "none") {
    super();
    this.approximate = approximate;
  }
  forward(x: Tensor): Tensor {
    return gelu(x, { approximate: this.approximate });
  }
}

/** Layer of `leakyRelu`: x [*] -> y [*]. */
export class LeakyReLU extends Module {
  /** Factor below 0. Default 0.01. */
  readonly negativeSlope: number;
  constructor(negativeSlope = 0.01) {
    super();
    this.negativeSlope = negativeSlope;
  }
  forward(x: Tensor): Tensor {
    return leakyRelu(x, { negativeSlope: this.negativeSlope });
  }
}
