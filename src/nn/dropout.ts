// Dropout and stochastic depth: layers that zero random elements, or random samples, during training.
import { OpError } from "../gpu/index.ts";
import { type DropoutOptions, dropout } from "../ops/dropout.ts";
import { stochasticDepth } from "../ops/stochastic_depth.ts";
import type { Tensor } from "../tensor/index.ts";
import { kindOf, valueText } from "../text/index.ts";
import { Module } from "./module.ts";
import { RandomState } from "./random_state.ts";

/** A layer that draws a random mask in training and is the identity in evaluation. */
export abstract class RandomMask extends Module {
  /** Probability of a zero. */
  readonly p: number;
  private readonly random: RandomState;
  private readonly stream: number;

  constructor(name: string, p: number, random: RandomState = RandomState.forLayer()) {
    super();
    if (!(random instanceof RandomState))
      throw new OpError(name, `expected a RandomState as second argument, got ${kindOf(random)}`);
    if (!(typeof p === "number" && p >= 0 && p <= 1))
      throw new OpError(name, `p: expected a number in [0, 1], got ${valueText(p)}`);
    this.p = p;
    this.random = random;
    this.stream = random.nextStream();
  }

  /** @internal */
  protected abstract mask(x: Tensor, options: DropoutOptions): Tensor;

  forward(x: Tensor): Tensor {
    if (!this.training || this.p === 0 || x.isMeta) return x;
    const y = this.mask(x, { p: this.p, seed: this.random.seed, stream: this.stream, step: this.random.step });
    this.random.drawn();
    return y;
  }
}

/**
 * Zero each element with probability p and scale the rest by 1/(1-p), in training. Each step draws another mask, also when a captured
 * step is replayed. Without a random state the masks follow from the seed of `manualSeed`. Throws OpError unless 0 <= p <= 1.
 *
 * @example
 * const dropout = new Dropout(0.5);
 * const y = dropout.forward(tensor([1, 1, 1, 1])); // zeros and twos
 * console.log(dropout.eval().forward(y) === y); // true
 */
export class Dropout extends RandomMask {
  constructor(p: number, random?: RandomState) {
    super("Dropout", p, random);
  }

  /** @internal */
  protected mask(x: Tensor, options: DropoutOptions): Tensor {
    return dropout(x, options);
  }
}

/**
 * Belongs between a residual branch and the addition. Zeroes each sample [N, *] of the branch with probability p and scales the
 * rest by 1/(1-p), which keeps the expectation. Each step draws other samples, also when a captured step is replayed. Without a random
 * state they follow from the seed of `manualSeed`. Throws OpError unless 0 <= p <= 1.
 */
export class StochasticDepth extends RandomMask {
  constructor(p: number, random?: RandomState) {
    super("StochasticDepth", p, random);
  }

  /** @internal */
  protected mask(x: Tensor, options: DropoutOptions): Tensor {
    return stochasticDepth(x, options);
  }
}
