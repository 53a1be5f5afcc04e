// Activation layers: pointwise functions as modules.
import { gelu, hardsigmoid, hardswish, leakyRelu, relu, relu6, sigmoid, silu, softplus, tanh } from "../ops/unary.ts";
import type { Tensor } from "../tensor/index.ts";
import { Module } from "./module.ts";

/** A pointwise function as a module. */
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

export class ReLU extends Pointwise {
  constructor() {
    super((x) => relu(x));
  }
}
export class ReLU6 extends Pointwise {
  constructor() {
    super((x) => relu6(x));
  }
}
export class SiLU extends Pointwise {
  constructor() {
    super((x) => silu(x));
  }
}
export class Hardswish extends Pointwise {
  constructor() {
    super((x) => hardswish(x));
  }
}
export class Hardsigmoid extends Pointwise {
  constructor() {
    super((x) => hardsigmoid(x));
  }
}
export class Sigmoid extends Pointwise {
  constructor() {
    super((x) => sigmoid(x));
  }
}
export class Tanh extends Pointwise {
  constructor() {
    super((x) => tanh(x));
  }
}
export class Softplus extends Pointwise {
  constructor() {
    super((x) => softplus(x));
  }
}

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
