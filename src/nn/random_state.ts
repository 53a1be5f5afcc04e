// Where layers draw from: one counter on the GPU, moved by the training step.
import { currentTape } from "../autograd/index.ts";
import { expectOptions, OpError } from "../gpu/index.ts";
import { advance } from "../ops/advance.ts";
import { scalar, type Tensor } from "../tensor/index.ts";

/**
 * Where masks come from: a seed, and a step on the GPU, so that a replayed step draws new masks and a resumed run the same ones.
 * The step moves by one after each step of training that drew from it: when the tape has been walked, or without a tape after
 * a draw of dropout. `setStep` says which step comes next, as training sessions do before each; then only tapes move it.
 */
export class RandomState {
  readonly seed: number;
  /** Whether it belongs to one model, whose `dispose` frees it too. */
  readonly owned: boolean;
  private counter: Tensor | null = null;
  private current = 0;
  private streams = 0;
  /** Somebody said which step it is. */
  private driven = false;

  constructor(seed: number, options: { readonly owned?: boolean } = {}) {
    expectOptions("RandomState", options, { owned: true });
    if (!Number.isSafeInteger(seed) || seed < 0)
      throw new OpError("RandomState", `seed wants a whole number >= 0, was given ${seed}`);
    this.seed = seed;
    this.owned = options.owned ?? false;
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
  /**
   * To be called by a layer that drew while training: the next step draws anew. `alone`: so does the next draw without a tape, as
   * long as nobody has said which step it is.
   */
  drawn({ alone = true }: { readonly alone?: boolean } = {}): void {
    const tape = currentTape()?.outermost;
    if (tape) tape.atEnd(this, () => advance(this.step));
    else if (alone && !this.driven) advance(this.step);
  }
  /** Moves to a training step: equal steps draw equal masks. Throws OpError for anything but a u32. */
  setStep(step: number): void {
    if (step !== step >>> 0)
      throw new OpError("RandomState", `step wants a whole number in 0..2^32-1, was given ${step}`);
    this.current = step;
    this.driven = true;
    this.counter?.set(step);
  }
  /** Frees the step counter; the next draw makes a new one. */
  dispose(): void {
    this.counter?.dispose();
    this.counter = null;
  }
}
