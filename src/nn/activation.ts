// Activation layers: pointwise functions as modules.
import { gelu, hardsigmoid, hardswish, leakyRelu, relu, relu6, sigmoid, silu, softplus, tanh } from "../ops/unary.ts";
import type { Tensor } from "../tensor/index.ts";
import { Module } from "./module.ts";

/** A module class around a pointwise function. */
function activation(fn: (x: Tensor) => Tensor) {
  return class Activation extends Module {
    forward(x: Tensor): Tensor {
      return fn(x);
    }
  };
}

export class ReLU extends activation((x) => relu(x)) {}
export class ReLU6 extends activation((x) => relu6(x)) {}
export class SiLU extends activation((x) => silu(x)) {}
export class Hardswish extends activation((x) => hardswish(x)) {}
export class Hardsigmoid extends activation((x) => hardsigmoid(x)) {}
export class Sigmoid extends activation((x) => sigmoid(x)) {}
export class Tanh extends activation((x) => tanh(x)) {}
export class Softplus extends activation((x) => softplus(x)) {}

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
