// Dropout: single elements go by lot while training.
import { OpError } from "../gpu/index.ts";
import { dropout } from "../ops/dropout.ts";
import type { Tensor } from "../tensor/index.ts";
import { Module } from "./module.ts";
import { RandomState } from "./random_state.ts";

/** While training, zeroes each element with probability p and scales the rest by 1/(1-p); otherwise the identity. */
export class Dropout extends Module {
  readonly p: number;
  private readonly random: RandomState;
  private readonly stream: number;

  constructor(p: number, random: RandomState) {
    super();
    if (!(random instanceof RandomState))
      throw new OpError("Dropout", "expected a RandomState as second argument: what it draws from");
    if (!(typeof p === "number" && p >= 0 && p <= 1))
      throw new OpError("Dropout", `p wants 0 <= p <= 1, was given ${p}`);
    this.p = p;
    this.random = random;
    this.stream = random.nextStream();
  }

  forward(x: Tensor): Tensor {
    if (!this.training || this.p === 0 || x.isMeta) return x;
    const y = dropout(x, { p: this.p, seed: this.random.seed, stream: this.stream, step: this.random.step });
    this.random.drawn();
    return y;
  }
}
