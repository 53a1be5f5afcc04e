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
  private current = 0;
  private streams = 0;

  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0)
      throw new OpError("RandomState", `seed wants a whole number >= 0, was given ${seed}`);
    this.seed = seed;
  }

  /** [] u32. */
  get step(): Tensor {
    this.counter ??= scalar(this.current, "u32");
    return this.counter;
  }
  /** A number of its own for each layer that draws. */
  nextStream(): number {
    return this.streams++;
  }
  /** Moves to a training step: equal steps draw equal masks. Throws OpError for anything but a u32. */
  setStep(step: number): void {
    if (step !== step >>> 0)
      throw new OpError("RandomState", `step wants a whole number in 0..2^32-1, was given ${step}`);
    this.current = step;
    this.counter?.set(step);
  }
  /** Frees the step counter; the next draw makes a new one. */
  dispose(): void {
    this.counter?.dispose();
    this.counter = null;
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
