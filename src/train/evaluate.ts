// Evaluates a model on a data set: loss and accuracy, with running statistics and no gradients.
import { noGrad } from "../autograd/index.ts";
import type { PixelScale } from "../data/index.ts";
import { type Module, RandomState } from "../nn/index.ts";
import {
  type DType,
  empty,
  NonFiniteError,
  persistent,
  readAll,
  rehearse,
  type Shape,
  scalar,
  type Tensor,
} from "../tensor/index.ts";
import { ArgumentError, expectKeys, type KeysOf } from "../text/index.ts";
import { BatchStep, type HostBatch, type HostBatches } from "./batch_step.ts";
import { ALL_FINITE } from "./meter.ts";
import { type LossFunction, type Metrics, metricValues, Objective } from "./objective.ts";
import { Pace } from "./pace.ts";
import type { Precision } from "./precision.ts";
import { CLASS_NUMBER, type TargetFormat } from "./train_step.ts";

/** Result of an evaluation. */
export interface Evaluation {
  /** Mean loss; without a custom loss, the cross entropy without label smoothing. */
  readonly loss: number;
  /** Share of samples whose largest logit is the target's, 0 to 1; NaN if the targets are not class numbers. */
  readonly accuracy: number;
  readonly correct: number;
  readonly samples: number;
  /** Metrics over all samples; absent if there are none. */
  readonly metrics?: Readonly<Record<string, number>>;
}

/** Options of `Evaluator`. */
export interface EvaluatorOptions {
  /** Shape of one sample. */
  readonly sample: Shape;
  /** Scale of images that arrive as bytes, such as a data set's mean and std. Not needed for batches of numbers. */
  readonly scale?: PixelScale | undefined;
  /** Type of the samples as numbers. Default f32. */
  readonly dtype?: DType | undefined;
  /** Shape and type of one target. Default: a class number, [] i32. */
  readonly target?: TargetFormat | undefined;
  /** Default: cross entropy. */
  readonly loss?: LossFunction | undefined;
  readonly metrics?: Metrics | undefined;
  /** f16: activations in f16. Default f32. */
  readonly precision?: Precision | undefined;
  /**
   * Random states of a model that draws in evaluation too, such as a Poisson encoder. The draws depend on the batch's index, so a
   * repeated evaluation with batches of the same size gives the same result. It sets their steps: a custom training loop with the
   * same states sets them again.
   */
  readonly random?: RandomState | readonly RandomState[] | undefined;
}

const KEYS: KeysOf<EvaluatorOptions> = {
  ...{ sample: true, scale: true, dtype: true, target: true },
  ...{ loss: true, metrics: true, precision: true, random: true },
};

/** Return the error for a loss that is not finite. */
function notFinite(batch: number, first: number, size: number): NonFiniteError {
  return new NonFiniteError(
    `evaluation: the loss of batch ${batch} (samples ${first} to ${first + size - 1}) is not finite: the network's outputs hold NaN or infinity, or a label is outside its classes`,
  );
}

/** Sums over the samples. */
interface Sums {
  readonly loss: number;
  readonly correct: number;
  readonly samples: number;
  readonly metrics: Readonly<Record<string, number>>;
}

const SLOTS = 64;
/** Step of the first random draw of evaluation, far above those of training: batch i draws at this step + i. */
export const FIRST_DRAW = 2 ** 31;

/**
 * Evaluates a model any number of times; the captured step stays between calls.
 *
 * Throws ArgumentError for an unknown option; `run` throws NonFiniteError for a loss that is not finite.
 * @example
 * const points = arrayDataset({ x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [0, 1, 1, 0] });
 * const evaluator = new Evaluator(new Linear(2, 2), { sample: points.shape });
 * const { accuracy } = await evaluator.run(new DataLoader({ dataset: points, batchSize: 2 }));
 * console.log(accuracy); // 0, 0.25, ... 1
 */
export class Evaluator {
  private readonly model: Module;
  private readonly options: EvaluatorOptions;
  private readonly objective: Objective;
  private readonly step: Tensor;
  private readonly guard: Tensor;
  /** @internal */
  readonly captured: BatchStep<Record<string, Tensor>>;
  private readonly randoms: readonly RandomState[];

  /** Errors: ArgumentError for an unknown option, OpError for a loss or metric that is not a function. */
  constructor(model: Module, options: EvaluatorOptions) {
    expectKeys(options, KEYS, (problem) => new ArgumentError(`Evaluator: ${problem}`));
    this.model = model;
    this.options = options;
    const { sample, target, scale, loss, metrics, precision, random = [] } = options;
    this.randoms = random instanceof RandomState ? [random] : random;
    this.step = scalar(0, "u32");
    this.guard = persistent(Uint32Array.of(ALL_FINITE), [1]);
    this.objective = new Objective("evaluate", { loss, metrics, target }, SLOTS);
    const run = (x: Tensor, y: Tensor) => this.measure(x, y);
    this.captured = new BatchStep({ name: "evaluate", sample, target: target?.shape, scale, precision, run });
  }

  private measure(x: Tensor, y: Tensor): Record<string, Tensor> {
    const { step, guard } = this;
    this.objective.measure(this.model.forward(x), y, { step, guard, samples: x.shape[0]! });
    return {};
  }

  /** Trace a batch of `size` samples on the host; nothing runs. The model must be in evaluation mode. */
  rehearse(size: number): void {
    const { sample, dtype: given = "f32", target = CLASS_NUMBER, precision = "f32" } = this.options;
    const dtype = given === "f32" ? precision : given;
    noGrad(() =>
      rehearse(() => this.measure(empty([size, ...sample], dtype), empty([size, ...target.shape], target.dtype))),
    );
  }

  /** Enqueue the batch of this index. Does not wait; the model must be in evaluation mode. Errors: see BatchStep. */
  enqueue(batch: HostBatch, index: number): void {
    this.step.set(index);
    for (const random of this.randoms) random.setStep(FIRST_DRAW + index);
    noGrad(() => this.captured.run(batch));
  }

  /**
   * Evaluate all batches and recycle each. Waits for the GPU; restores the model's mode. Returns null if the signal came before
   * the last batch.
   */
  run(batches: HostBatches): Promise<Evaluation>;
  run(batches: HostBatches, signal: AbortSignal | undefined): Promise<Evaluation | null>;
  async run(batches: HostBatches, signal?: AbortSignal): Promise<Evaluation | null> {
    const { model, objective } = this;
    const wasTraining = model.training;
    const pace = signal ? new Pace() : null;
    model.eval();
    const sums = { loss: 0, correct: 0, samples: 0, metrics: {} as Record<string, number> };
    let done = 0;
    let read = 0;
    const drain = async () => {
      for (const s of objective.pick(await readAll(...objective.rings), read, done)) {
        if (!Number.isFinite(s.loss) || !Number.isFinite(s.correct)) throw notFinite(s.step, sums.samples, s.samples);
        sums.loss += s.loss * s.samples;
        sums.correct += s.correct;
        sums.samples += s.samples;
        for (const [key, value] of Object.entries(s.metrics))
          sums.metrics[key] = (sums.metrics[key] ?? 0) + value * s.samples;
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
    return this.meansOf(sums);
  }

  private meansOf({ loss, correct, samples, metrics }: Sums): Evaluation {
    if (samples === 0) throw new ArgumentError("evaluate: the data set is empty");
    const accuracy = this.objective.countsCorrect ? correct / samples : Number.NaN;
    const common = { loss: loss / samples, accuracy, correct, samples };
    if (Object.keys(metrics).length === 0) return common;
    const means = Object.fromEntries(Object.entries(metrics).map(([key, sum]) => [key, sum / samples]));
    return { ...common, metrics: metricValues(this.options.metrics!, means) };
  }

  /** Memory of the latest evaluation step; see CapturedStep. */
  memory() {
    return this.captured.memory();
  }

  /** Free the recordings and their memory. */
  dispose(): void {
    this.captured.dispose();
    this.objective.dispose();
    this.step.dispose();
    this.guard.dispose();
  }
}
