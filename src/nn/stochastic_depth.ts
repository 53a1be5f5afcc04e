// Stochastic depth: while training, residual branches are left out by lot.
import { OpError } from "../gpu/index.ts";
import { stochasticDepth } from "../ops/stochastic_depth.ts";
import type { Tensor } from "../tensor/index.ts";
import { Module } from "./module.ts";
import { RandomState } from "./random_state.ts";

/**
 * Stands between a residual branch and the addition. While training, each sample [N, *] of the branch becomes 0 with
 * probability p and is scaled by 1/(1-p) otherwise, so that its expectation stays; in evaluation it is the identity.
 * Draws move with the random state's step, also when a captured step is replayed; the step moves by itself. Throws OpError unless 0 <= p <= 1.
 */
export class StochasticDepth extends Module {
  readonly p: number;
  private readonly random: RandomState;
  private readonly stream: number;

  constructor(p: number, random: RandomState) {
    super();
    if (!(random instanceof RandomState))
      throw new OpError("StochasticDepth", "expected a RandomState as second argument: what it draws from");
    if (!(typeof p === "number" && p >= 0 && p <= 1))
      throw new OpError("StochasticDepth", `p wants 0 <= p <= 1, was given ${p}`);
    this.p = p;
    this.random = random;
    this.stream = random.nextStream();
  }

  forward(x: Tensor): Tensor {
    if (!this.training || this.p === 0 || x.isMeta) return x;
    const y = stochasticDepth(x, { p: this.p, seed: this.random.seed, stream: this.stream, step: this.random.step });
    this.random.drawn();
    return y;
  }
}
