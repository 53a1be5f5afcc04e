// The random state of layers: a seed, and a step counter on the GPU.
import { currentTape } from "../autograd/index.ts";
import { expectOptions, OpError } from "../gpu/index.ts";
import { advance } from "../ops/advance.ts";
import { scalar, type Tensor } from "../tensor/index.ts";
import { nextLayerStream } from "./init.ts";

/**
 * Source of random masks: a seed, and a step on the GPU, so that a replayed step draws new masks and a resumed run the same ones.
 * The step advances after each training step that drew from it: at the end of the tape, or without a tape after a draw of
 * dropout. `setStep` sets the next step, as training sessions do before each; after that only tapes advance it.
 * Throws OpError unless the seed is an integer >= 0.
 */
export class RandomState {
  /** Seed of all draws. */
  readonly seed: number;
  /** True if it belongs to one model, whose `dispose` frees it too. */
  readonly owned: boolean;
  private counter: Tensor | null = null;
  private current = 0;
  private streams = 0;
  /** True after `setStep`. */
  private driven = false;

  constructor(seed: number, options: { readonly owned?: boolean } = {}) {
    expectOptions("RandomState", options, { owned: true });
    if (!Number.isSafeInteger(seed) || seed < 0)
      throw new OpError("RandomState", `seed: expected an integer >= 0, got ${seed}`);
    this.seed = seed;
    this.owned = options.owned ?? false;
  }

  /** @internal Make the state of one layer: the seed of `manualSeed`, and a stream that no other such layer has. */
  static forLayer(): RandomState {
    const { seed, stream } = nextLayerStream();
    const state = new RandomState(seed, { owned: true });
    state.streams = stream;
    return state;
  }

  /** [] u32. */
  get step(): Tensor {
    this.counter ??= scalar(this.current, "u32");
    return this.counter;
  }
  /** Return a distinct number for each layer that draws. */
  nextStream(): number {
    return this.streams++;
  }
  /**
   * Advance the step after a draw in training: at the end of the tape, or if `alone`, at once without a tape, unless `setStep` was
   * called.
   */
  drawn({ alone = true }: { readonly alone?: boolean } = {}): void {
    const tape = currentTape()?.outermost;
    if (tape) tape.atEnd(this, () => advance(this.step));
    else if (alone && !this.driven) advance(this.step);
  }
  /** Set the training step: equal steps draw equal masks. Throws OpError unless it is a u32. */
  setStep(step: number): void {
    if (step !== step >>> 0) throw new OpError("RandomState", `step: expected an integer in 0..2^32-1, got ${step}`);
    this.current = step;
    this.driven = true;
    this.counter?.set(step);
  }
  /** Free the step counter; the next draw makes a new one. */
  dispose(): void {
    this.counter?.dispose();
    this.counter = null;
  }
}
