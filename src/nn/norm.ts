// Batch normalisation layers.
import { expectOptions } from "../gpu/index.ts";
import { batchNorm, batchNormAddRelu, batchNormRelu } from "../ops/batch_norm.ts";
import type { Tensor } from "../tensor/index.ts";
import type { KeysOf } from "../text/index.ts";
import { constantInit } from "./init.ts";
import { Module } from "./module.ts";
import { Parameter, StateBuffer } from "./parameter.ts";
import { expectSizes } from "./sizes.ts";

/** Options of `BatchNorm2d` and `BatchNorm1d`. */
export interface BatchNormConfig {
  /** Default 1e-5. */
  readonly eps?: number;
  /** running = (1 - momentum) running + momentum batch. Default 0.1. */
  readonly momentum?: number;
  readonly affine?: boolean;
  /** Initial values of the affine map. Default 1 and 0; with weight 0 a residual branch starts as zero. */
  readonly initial?: { readonly weight: number; readonly bias: number };
}

const KEYS: KeysOf<BatchNormConfig> = { eps: true, momentum: true, affine: true, initial: true };

/**
 * Normalises each channel over batch and space. Uses batch statistics in training, running statistics in evaluation.
 *
 * Shapes    x [N,C,H,W] -> y like x; weight, bias, running_mean and running_var [C].
 * Errors    OpError for an unknown option, and those of `batchNorm`.
 * Source    Ioffe & Szegedy 2015.
 * @example
 * const bn = new BatchNorm2d(3);
 * bn.eval(); // running mean 0 and variance 1
 * console.log(await bn.forward(tensor([[[[1]], [[2]], [[3]]]])).data()); // 1, 2, 3
 */
export class BatchNorm2d extends Module {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly running_mean: StateBuffer;
  readonly running_var: StateBuffer;
  /** Added to the variance. Default 1e-5. */
  readonly eps: number;
  /** Share of the batch in the running statistics. Default 0.1. */
  readonly momentum: number;
  /** @internal Set while the running statistics are re-estimated: called before each use, returns the momentum of its update. */
  observer: (() => number) | null = null;
  /** True after foldNorm: the layer before this one computes its map, and this one has no state. */
  readonly folded: boolean = false;

  constructor(channels: number, config: BatchNormConfig = {}) {
    super();
    const { eps = 1e-5, momentum = 0.1, affine = true, initial = { weight: 1, bias: 0 } } = config;
    expectOptions("BatchNorm2d", config, KEYS);
    expectOptions("BatchNorm2d: initial", initial, { weight: true, bias: true });
    expectSizes("BatchNorm2d", { channels });
    this.weight = affine ? new Parameter([channels], constantInit(initial.weight)) : null;
    this.bias = affine ? new Parameter([channels], constantInit(initial.bias)) : null;
    this.running_mean = new StateBuffer([channels], constantInit(0));
    this.running_var = new StateBuffer([channels], constantInit(1));
    this.eps = eps;
    this.momentum = momentum;
  }

  /** @internal Begin a use of the layer: return the options of its op. */
  use(): { readonly training: boolean; readonly momentum: number; readonly eps: number } {
    return { training: this.training, momentum: this.observer?.() ?? this.momentum, eps: this.eps };
  }

  forward(x: Tensor): Tensor {
    return batchNorm(x, this.weight, this.bias, this.running_mean, this.running_var, this.use());
  }

  /** Compute relu(forward(x)) in one pass. Sequential calls it for a ReLU that follows. */
  forwardRelu(x: Tensor): Tensor {
    return batchNormRelu(x, this.weight, this.bias, this.running_mean, this.running_var, this.use());
  }

  /** Compute relu(forward(x) + residual) in one pass, the end of a residual block. `residual` has the shape of x. */
  forwardAddRelu(x: Tensor, residual: Tensor): Tensor {
    const { weight, bias, running_mean, running_var } = this;
    return batchNormAddRelu(x, residual, weight, bias, running_mean, running_var, this.use());
  }
}

/** Normalises each channel of x [N,C] or [N,C,L] over batch and length. Otherwise as BatchNorm2d. */
export class BatchNorm1d extends BatchNorm2d {}
