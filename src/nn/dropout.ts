// Dropout and the random state it draws from.
import { OpError } from "../gpu/index.ts";
import { dropout } from "../ops/dropout.ts";
import { scalar, type Tensor } from "../tensor/index.ts";
import { Module } from "./module.ts";

/**
 * Where masks come from: a seed, and the training step on the GPU, so that a replayed step draws new masks and a resumed
 * run the same ones. Set the step before each training step.
 */
export class RandomState {
  readonly seed: number;
  private counter: Tensor | null = null;
  private streams = 0;

  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0)
      throw new OpError("RandomState", `seed wants a whole number >= 0, was given ${seed}`);
    this.seed = seed;
  }

  /** [] u32. */
  get step(): Tensor {
    this.counter ??= scalar(0, "u32");
    return this.counter;
  }
  /** A number of its own for each layer that draws. */
  nextStream(): number {
    return this.streams++;
  }
  setStep(step: number): void {
    if (this.counter) this.counter.set(step);
    else if (this.streams > 0) this.counter = scalar(step, "u32");
  }
}

/** While training, zeroes each element with probability p and scales the rest by 1/(1-p); otherwise the identity. */
export class Dropout extends Module {
  readonly p: number;
  private readonly random: RandomState;
  private readonly stream: number;

  constructor(p: number, random: RandomState) {
    super();
    if (!(p >= 0 && p <= 1)) throw new OpError("Dropout", `p wants 0 <= p <= 1, was given ${p}`);
    this.p = p;
    this.random = random;
    this.stream = random.nextStream();
  }

  forward(x: Tensor): Tensor {
    if (!this.training || this.p === 0 || x.isMeta) return x;
    return dropout(x, { p: this.p, seed: this.random.seed, stream: this.stream, step: this.random.step });
  }
}
