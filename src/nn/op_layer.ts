// Base of layers that only call an op.
import type { Tensor } from "../tensor/index.ts";
import { Module } from "./module.ts";

/** A layer that applies an op with the options that it was made with. */
export abstract class OpLayer<O extends object> extends Module {
  /** Options of the op. */
  readonly options: O;
  private readonly op: (x: Tensor, options: O) => Tensor;

  constructor(op: (x: Tensor, options: O) => Tensor, options: O) {
    super();
    this.op = op;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return this.op(x, this.options);
  }
}
