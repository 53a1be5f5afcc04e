// The training step: forward, loss, backward, update, as one captured list of dispatches.
import { type BadOp, NanWatch, Tape } from "../autograd/index.ts";
import { checksNan, OpError } from "../gpu/index.ts";
import type { Module, RandomState } from "../nn/index.ts";
import { countCorrect } from "../ops/count_correct.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import type { SGD } from "../optim/sgd.ts";
import type { StepValues } from "../optim/sgd_options.ts";
import {
  type CapturedStep,
  capture,
  empty,
  readAll,
  rehearse,
  Scope,
  scalar,
  type Tensor,
  tensor,
} from "../tensor/index.ts";
import { ALL_FINITE, Meter, type StepMetrics } from "./meter.ts";

export interface HostBatch {
  /** [n, c, h, w], normalised. */
  readonly x: Float32Array;
  /** [n] class numbers. */
  readonly y: Int32Array;
  readonly size: number;
}

export interface TrainStepOptions {
  readonly model: Module;
  readonly optimizer: SGD;
  /** Shape of one sample. */
  readonly sample: readonly number[];
  readonly labelSmoothing?: number;
  /** Moved to each step's number, with those that the model's layers draw from. */
  readonly random?: RandomState;
  /** False runs every step eagerly: slower, same bits. Default true. */
  readonly replay?: boolean;
}

/** What one step does differently from the last. */
export interface StepInputs {
  readonly step: number;
  readonly lr: number;
  /** Thresholds, and what else a pruning method sets. */
  readonly values?: StepValues;
  /** Work to enqueue between the upload of these numbers and the step. */
  readonly before?: () => void;
}

/** A loss that is not finite. The weights are those of before the step, so the last checkpoint and they are good. */
export class NonFiniteLossError extends Error {
  override readonly name = "NonFiniteLossError";
  readonly step: number;
  constructor(step: number, cause: string) {
    super(`the loss of step ${step} is not finite: ${cause}`);
    this.step = step;
  }
}

const describeBad = (bad: BadOp) => `first bad op ${bad.op} (${bad.phase}, [${bad.shape.join(",")}])`;

export class TrainStep {
  private readonly options: TrainStepOptions;
  private readonly meter = new Meter();
  private readonly stepTensor: Tensor = scalar(0, "u32");
  private readonly captured: CapturedStep<"x" | "y", { loss: Tensor }>;
  // ESPALIER_CHECK=nan: each step runs eagerly under a watch of its own.
  private readonly checking = checksNan();
  private watch: NanWatch | null = null;
  private readonly randoms: ReadonlySet<RandomState>;

  constructor(options: TrainStepOptions) {
    this.options = options;
    this.randoms = new Set([...options.model.randomStates(), ...(options.random ? [options.random] : [])]);
    const replay = (options.replay ?? true) && !this.checking;
    this.captured = capture(({ x, y }) => this.enqueue(x, y), { replay });
  }

  /** Steps that may be enqueued between two calls of `read`. */
  get readEvery(): number {
    return this.checking ? 1 : this.meter.slots;
  }

  private enqueue(x: Tensor, y: Tensor): { loss: Tensor } {
    using tape = new Tape();
    const loss = this.forward(tape, x, y);
    tape.backward(loss);
    this.options.optimizer.step();
    return { loss };
  }

  private forward(tape: Tape, x: Tensor, y: Tensor): Tensor {
    const { model, optimizer, labelSmoothing = 0 } = this.options;
    const logits = model.forward(x);
    if (logits.shape.length !== 2) throw new OpError("train", "the model wants to return logits [N, C]", { logits });
    const loss = tape.keep(crossEntropy(logits, y, { labelSmoothing }));
    this.meter.record(loss, countCorrect(logits, y), this.stepTensor, optimizer.guard, x.shape[0] as number);
    return loss;
  }

  /** Goes through a step of `size` samples on the host: nothing runs. The tuner then knows what the step computes. */
  rehearse(size: number): void {
    const { model, sample } = this.options;
    if (!model.training) model.train();
    rehearse(() => this.enqueue(empty([size, ...sample]), empty([size], "i32")));
  }

  /** Enqueues one step. Does not wait. */
  run(batch: HostBatch, inputs: StepInputs): void {
    const { model, optimizer, sample } = this.options;
    if (!model.training) model.train();
    this.stepTensor.set(inputs.step);
    for (const random of this.randoms) random.setStep(inputs.step);
    if (this.checking) {
      this.watch?.dispose();
      this.watch = new NanWatch();
    }
    optimizer.set({ ...inputs.values, lr: inputs.lr });
    inputs.before?.();
    this.captured.run({
      x: { data: batch.x, shape: [batch.size, ...sample] },
      y: { data: batch.y, shape: [batch.size] },
    });
    optimizer.stepsDone++;
  }

  /**
   * Loss and correct count of the steps [first, end), at most the last 256. Waits for the GPU.
   * A NaN or infinite loss among them is returned as `badStep`.
   */
  async read(first: number, end: number): Promise<{ steps: StepMetrics[]; badStep: number | null }> {
    const badOp = await this.watch?.first();
    if (badOp) throw new NonFiniteLossError(end - 1, describeBad(badOp));
    const [ring, guard] = await readAll(this.meter.ring, this.options.optimizer.guard);
    const bad = (guard as Uint32Array)[0] as number;
    const steps = this.meter.pick(ring as Float32Array, first, end);
    return { steps, badStep: bad === ALL_FINITE ? null : bad };
  }

  /** Runs a batch eagerly and names the first op whose result was not finite. The weights must not have moved since. */
  async diagnose(batch: HostBatch, step: number): Promise<NonFiniteLossError> {
    const { model, sample } = this.options;
    // Running statistics may hold what the bad step put there; in training nothing reads them.
    for (const [name, p] of model.namedParameters()) {
      if ((await p.data()).some((v) => !Number.isFinite(v))) {
        return new NonFiniteLossError(step, `${name} holds NaN or Inf already (an earlier gradient overflowed)`);
      }
    }
    if (batch.x.some((v) => !Number.isFinite(v))) return new NonFiniteLossError(step, "the batch holds NaN or Inf");
    for (const random of this.randoms) random.setStep(step);
    using watch = new NanWatch();
    {
      using _scope = new Scope();
      using tape = new Tape();
      const x = tensor(batch.x, [batch.size, ...sample]);
      this.forward(tape, x, tensor(batch.y));
    }
    const bad = await watch.first();
    return new NonFiniteLossError(step, bad ? describeBad(bad) : "no op repeats it");
  }

  /** Kernel, grid and bytes of each dispatch of a step. */
  describe() {
    return this.captured.describe();
  }

  /** Memory of the latest step; see CapturedStep. */
  memory() {
    return this.captured.memory();
  }

  dispose(): void {
    this.watch?.dispose();
    this.captured.dispose();
    this.meter.dispose();
    this.stepTensor.dispose();
  }
}
