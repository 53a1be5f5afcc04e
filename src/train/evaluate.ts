// Evaluates a model on a data set: loss and accuracy, with running statistics and no gradients.
import { noGrad } from "../autograd/index.ts";
import type { PixelScale } from "../data/index.ts";
import type { Module, RandomState } from "../nn/index.ts";
import { countCorrect } from "../ops/count_correct.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { empty, NonFiniteError, persistent, rehearse, scalar, type Tensor } from "../tensor/index.ts";
import { ArgumentError } from "../text/index.ts";
import { BatchStep, type HostBatch, type HostBatches } from "./batch_step.ts";
import { ALL_FINITE, Meter } from "./meter.ts";
import { Pace } from "./pace.ts";

export interface Evaluation {
  /** Mean cross entropy, without label smoothing. */
  readonly loss: number;
  /** Share of samples whose largest logit is the target's, 0 to 1. */
  readonly accuracy: number;
  readonly correct: number;
  readonly samples: number;
}

/** Return the error for a loss that is not finite. */
function notFinite(batch: number, first: number, size: number): NonFiniteError {
  return new NonFiniteError(
    `evaluation: the loss of batch ${batch} (samples ${first} to ${first + size - 1}) is not finite: the network's logits hold NaN or infinity, or a label is outside its classes`,
  );
}

const SLOTS = 64;
/** Step of the first random draw of evaluation, far above those of training: batch i draws at this step + i. */
export const FIRST_DRAW = 2 ** 31;

/** Evaluates a model any number of times; the captured step stays between calls. */
export class Evaluator {
  private readonly model: Module;
  private readonly sample: readonly number[];
  private readonly meter = new Meter(SLOTS);
  private readonly step: Tensor = scalar(0, "u32");
  private readonly guard: Tensor = persistent(Uint32Array.of(ALL_FINITE), [1]);
  private readonly captured: BatchStep<Record<string, Tensor>>;
  private readonly random: RandomState | undefined;

  /**
   * `random`: for a model that draws in evaluation too, such as a Poisson encoder. The draws depend on the batch's index, so a
   * repeated evaluation with batches of the same size gives the same result. `scale`: see TrainStepOptions.
   */
  constructor(model: Module, sample: readonly number[], random?: RandomState, scale?: PixelScale) {
    this.model = model;
    this.random = random;
    this.sample = sample;
    this.captured = new BatchStep({ name: "evaluate", sample, scale, run: (x, y) => this.measure(x, y) });
  }

  private measure(x: Tensor, y: Tensor): Record<string, Tensor> {
    const logits = this.model.forward(x);
    const loss = crossEntropy(logits, y, {});
    this.meter.record(loss, countCorrect(logits, y), this.step, this.guard, x.shape[0]!);
    return {};
  }

  /** Trace a batch of `size` samples on the host; nothing runs. The model must be in evaluation mode. */
  rehearse(size: number): void {
    noGrad(() => rehearse(() => this.measure(empty([size, ...this.sample]), empty([size], "i32"))));
  }

  /** Enqueue the batch of this index. Does not wait; the model must be in evaluation mode. Errors: see BatchStep. */
  enqueue(batch: HostBatch, index: number): void {
    this.step.set(index);
    this.random?.setStep(FIRST_DRAW + index);
    noGrad(() => this.captured.run(batch));
  }

  /**
   * Evaluate all batches and recycle each. Waits for the GPU; restores the model's mode. Returns null if the signal came before
   * the last batch.
   */
  run(batches: HostBatches): Promise<Evaluation>;
  run(batches: HostBatches, signal: AbortSignal | undefined): Promise<Evaluation | null>;
  async run(batches: HostBatches, signal?: AbortSignal): Promise<Evaluation | null> {
    const { model, meter } = this;
    const wasTraining = model.training;
    const pace = signal ? new Pace() : null;
    model.eval();
    let loss = 0;
    let correct = 0;
    let samples = 0;
    let done = 0;
    let read = 0;
    const drain = async () => {
      for (const s of meter.pick(await meter.ring.data(), read, done)) {
        if (!Number.isFinite(s.loss) || !Number.isFinite(s.correct)) throw notFinite(s.step, samples, s.samples);
        loss += s.loss * s.samples;
        correct += s.correct;
        samples += s.samples;
      }
      read = done;
    };
    try {
      for await (const batch of batches) {
        if (signal?.aborted) return null;
        this.enqueue(batch, done);
        batches.recycle?.(batch);
        done++;
        if (done - read === SLOTS) await drain();
        else await pace?.enqueued();
      }
      await drain();
    } finally {
      model.train(wasTraining);
    }
    if (samples === 0) throw new ArgumentError("evaluate: the data set is empty");
    return { loss: loss / samples, accuracy: correct / samples, correct, samples };
  }

  /** Memory of the latest evaluation step; see CapturedStep. */
  memory() {
    return this.captured.memory();
  }

  dispose(): void {
    this.captured.dispose();
    this.meter.dispose();
    this.step.dispose();
    this.guard.dispose();
  }
}
