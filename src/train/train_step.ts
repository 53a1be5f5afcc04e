// The training step: forward, loss, backward, update, as one captured list of dispatches.
import { type BadOp, NanWatch, noGrad, Tape } from "../autograd/index.ts";
import type { PixelScale } from "../data/index.ts";
import { checksNan, expectOptions, OpError } from "../gpu/index.ts";
import type { Module, RandomState } from "../nn/index.ts";
import { mul } from "../ops/binary.ts";
import { LossScale, type LossScaleOptions, type LossScaleState, lossScaleOf } from "../optim/loss_scale.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { StepValues } from "../optim/optimizer_options.ts";
import {
  type DType,
  empty,
  NonFiniteError,
  readAll,
  rehearse,
  Scope,
  type Shape,
  type StepMemory,
  scalar,
  type Tensor,
} from "../tensor/index.ts";
import type { KeysOf } from "../text/index.ts";
import { BatchStep, type HostBatch } from "./batch_step.ts";
import { ALL_FINITE } from "./meter.ts";
import type { GradientSum } from "./micro_batches.ts";
import { type LossFunction, type MeasuredStep, type Metrics, metricValues, Objective } from "./objective.ts";
import type { Precision } from "./precision.ts";

/** Shape and type of one target: a class number is [] i32. */
export interface TargetFormat {
  readonly shape: Shape;
  readonly dtype: "i32" | "f32";
  /** Class count, if it is known: the default loss refuses a model with fewer outputs. */
  readonly classes?: number | undefined;
}

/** A class number. */
export const CLASS_NUMBER: TargetFormat = { shape: [], dtype: "i32" };

/** Options of `TrainStep`. */
export interface TrainStepOptions {
  readonly model: Module;
  readonly optimizer: Optimizer;
  /** Shape of one sample. */
  readonly sample: readonly number[];
  /** Scale of images that arrive as bytes, such as a data set's mean and std. Not needed for batches of numbers. */
  readonly scale?: PixelScale | undefined;
  /** @internal Splits batches into micro-batches; see RunConfig.microBatch. The step disposes it. */
  readonly micro?: GradientSum | undefined;
  /** Type of the samples as numbers. Default f32. */
  readonly dtype?: DType | undefined;
  /** Shape and type of one target. Default: a class number, [] i32. */
  readonly target?: TargetFormat | undefined;
  /** Default: cross entropy with label smoothing. */
  readonly loss?: LossFunction | undefined;
  /** Metrics to record beside the loss, in train mode. */
  readonly metrics?: Metrics | undefined;
  readonly labelSmoothing?: number | undefined;
  /** f16: activations in f16, and a loss scale. Default f32. */
  readonly precision?: Precision | undefined;
  /** Loss scale of an optimizer that has none yet; for precision f16. */
  readonly lossScale?: LossScaleOptions | undefined;
  /** Random state that is moved to each step, as are those of the model's layers. */
  readonly random?: RandomState | undefined;
  /** False runs every step eagerly: slower, same bits. Default true. */
  readonly replay?: boolean;
}

const KEYS: KeysOf<TrainStepOptions> = {
  ...{ model: true, optimizer: true, sample: true, scale: true },
  ...{ dtype: true, target: true, loss: true, metrics: true },
  ...{ micro: true, labelSmoothing: true, precision: true, lossScale: true, random: true, replay: true },
};

/** Values that change from step to step. */
export interface StepInputs {
  /** Number of the step, from 0. Default: the steps that the optimizer has done. */
  readonly step?: number | undefined;
  /** Learning rate. Absent: that of the optimizer, which may have a schedule. */
  readonly lr?: number | undefined;
  /** Thresholds and other values of a pruning method. */
  readonly values?: StepValues;
  /** Work to enqueue between the upload of these numbers and the step. */
  readonly before?: () => void;
}

/** A loss that is not finite. The weights are those of before the step; they and the last checkpoint are valid. */
export class NonFiniteLossError extends NonFiniteError {
  override readonly name = "NonFiniteLossError";
  /** Number of the step. */
  readonly step: number;
  constructor(step: number, cause: string) {
    super(`the loss of step ${step} is not finite: ${cause}`);
    this.step = step;
  }
}

/** An update that turned weights into NaN or infinity. Those in memory are lost; the last checkpoint is valid. */
export class NonFiniteWeightsError extends NonFiniteError {
  override readonly name = "NonFiniteWeightsError";
  /** Number of the step. */
  readonly step: number;
  /** Names of the parameters, in the model's order. */
  readonly parameters: readonly string[];
  constructor(step: number, parameters: readonly string[]) {
    const more = parameters.length > 1 ? ` and ${parameters.length - 1} more` : "";
    super(`the update of step ${step} made NaN or infinity of weights: ${parameters[0]}${more}`);
    this.step = step;
    this.parameters = parameters;
  }
}

function describeBad({ op, phase, shape, inputs = [] }: BadOp): string {
  const parameter = inputs.find((name) => name.includes(".")) ?? inputs[0];
  const layer = parameter === undefined ? "" : ` of layer ${parameter.replace(/\.[^.]*$/, "")}`;
  return `first bad op ${op} (${phase}, [${shape.join(",")}])${layer}`;
}

/**
 * Forward pass, loss, backward pass and update of a model, captured once per batch size and replayed.
 *
 * Errors    OpError if the model does not return logits [N, C] and there is no custom loss.
 * @example
 * const model = new Linear(2, 2);
 * const optimizer = new SGD(model.parameters(), { lr: 0.1 });
 * const step = new TrainStep({ model, optimizer, sample: [2] });
 * step.run({ x: Float32Array.of(1, 2), y: Int32Array.of(1), size: 1 });
 * const { steps } = await step.read(0, 1);
 * console.log(steps[0].loss);
 */
export class TrainStep {
  private readonly options: TrainStepOptions;
  private readonly objective: Objective;
  private readonly stepTensor: Tensor = scalar(0, "u32");
  /** @internal The whole step; with micro-batches, the part that adds up gradients. */
  readonly captured: BatchStep<{ loss: Tensor }>;
  /** @internal */
  readonly sum: GradientSum | null;
  // ESPALIER_CHECK=nan: each step runs eagerly under a new watch.
  private readonly checking = checksNan();
  private watch: NanWatch | null = null;
  private readonly randoms: ReadonlySet<RandomState>;

  constructor(options: TrainStepOptions) {
    expectOptions("TrainStep", options, KEYS);
    this.options = options;
    this.randoms = new Set([...options.model.randomStates(), ...(options.random ? [options.random] : [])]);
    const replay = (options.replay ?? true) && !this.checking;
    const { sample, scale, target, micro = null, precision, lossScale, optimizer } = options;
    if (precision === "f16" && !optimizer.scale) new LossScale(optimizer, lossScale);
    else if (lossScale) {
      const got = precision === "f16" ? "an optimizer that has one" : "precision f32";
      throw new OpError("TrainStep", `lossScale: expected nothing for ${got}`);
    }
    const { loss, metrics, labelSmoothing } = options;
    this.objective = new Objective("train", { loss, metrics, labelSmoothing, target });
    const run = (x: Tensor, y: Tensor) => this.enqueue(x, y);
    this.captured = new BatchStep({ name: "train", sample, target: target?.shape, scale, precision, replay, run });
    this.sum = micro;
  }

  /** Steps that may be enqueued between two calls of `read`. */
  get readEvery(): number {
    return this.checking ? 1 : this.objective.slots;
  }

  /** True if correct predictions are counted; see Objective. Known after the first step. */
  get countsCorrect(): boolean {
    return this.objective.countsCorrect;
  }

  /** Return the metrics from the means of what `read` gave. */
  metricsOf(means: Readonly<Record<string, number>>): Record<string, number> {
    return metricValues(this.options.metrics ?? {}, means);
  }

  private enqueue(x: Tensor, y: Tensor): { loss: Tensor } {
    using tape = new Tape();
    const loss = this.forward(tape, x, y);
    tape.backward(loss, this.upstream());
    if (!this.sum) this.options.optimizer.step();
    return { loss };
  }

  /** Return the gradient that backward begins with: the share of a micro-batch, the loss scale, or their product. */
  private upstream(): Tensor | undefined {
    const scale = this.options.optimizer.scale?.upstream();
    const share = this.sum?.upstream();
    return scale && share ? noGrad(() => mul(share, scale)) : (scale ?? share);
  }

  private forward(tape: Tape, x: Tensor, y: Tensor): Tensor {
    const { model, optimizer } = this.options;
    const [samples] = x.shape as [number];
    const { guard, scale } = optimizer;
    const record = { step: this.stepTensor, guard, samples, part: this.sum?.part, scale: scale?.state };
    return tape.keep(this.objective.measure(model.forward(x), y, record));
  }

  /** Trace a step of `size` samples on the host; nothing runs. Registers the step's kernels with the tuner. */
  rehearse(size: number): void {
    const { model, sample, dtype: given = "f32", target = CLASS_NUMBER, optimizer, precision = "f32" } = this.options;
    const dtype = given === "f32" ? precision : given;
    if (!model.training) model.train();
    rehearse(() => {
      for (const n of this.sum?.partSizes(size) ?? [size]) {
        this.sum?.expectArrivals();
        this.enqueue(empty([n, ...sample], dtype), empty([n, ...target.shape], target.dtype));
      }
      if (this.sum) optimizer.step();
    });
  }

  /**
   * Enqueue one step. Does not wait; the batch's arrays may be reused afterwards.
   *
   * Errors    OpError for a batch of bytes that does not fit the model's samples or has no scale, or a batch larger than the
   *           batch size of the micro-batches; CaptureError if the count of numbers does not fit their shape.
   */
  run(batch: HostBatch, inputs: StepInputs = {}): void {
    const { model, optimizer } = this.options;
    const { step = optimizer.stepsDone } = inputs;
    if (!model.training) model.train();
    this.stepTensor.set(step);
    this.moveTo(step, 0);
    if (this.checking) {
      this.watch?.dispose();
      this.watch = new NanWatch();
    }
    optimizer.set(inputs.lr === undefined ? { ...inputs.values } : { ...inputs.values, lr: inputs.lr });
    inputs.before?.();
    if (this.sum) this.runParts(batch, step, this.sum);
    else this.captured.run(batch);
  }

  private runParts(batch: HostBatch, step: number, sum: GradientSum): void {
    // Before the batch is split, so that errors name images by their index in the batch.
    this.captured.input.check(batch);
    sum.clear();
    for (const part of sum.parts(batch)) {
      if (part.index > 0) this.moveTo(step, part.index);
      sum.begin(part);
      this.captured.run(part.batch);
    }
    sum.update();
  }

  /** Move the random layers to a part of a step. */
  private moveTo(step: number, part: number): void {
    const draw = this.sum?.draw(step, part) ?? step;
    for (const random of this.randoms) random.setStep(draw);
  }

  /**
   * Return loss, correct count and metrics of the steps [first, end), at most the last 256, the first step with a NaN or infinite
   * loss as `badStep`, and the state of the loss scale, if there is one. A loss that is not finite is an error at the smallest scale;
   * at others its step is skipped. Waits for the GPU. Errors: NonFiniteWeightsError if an earlier update made weights NaN or infinite.
   */
  async read(
    first: number,
    end: number,
  ): Promise<{ steps: MeasuredStep[]; badStep: number | null; lossScale?: LossScaleState }> {
    const { model, optimizer } = this.options;
    const { scale } = optimizer;
    const badOp = await this.watch?.first();
    // With a loss scale, gradients that overflow are no error.
    if (badOp && !(scale && badOp.phase === "backward")) throw new NonFiniteLossError(end - 1, describeBad(badOp));
    const state = scale ? [scale.state] : [];
    const reading = readAll(optimizer.guard, ...this.objective.rings, ...state);
    const [[guard, ...rings], counts] = await Promise.all([reading, optimizer.counts()]);
    const bad = (guard as Uint32Array)[0]!;
    const names = new Map([...model.namedParameters()].map(([name, p]) => [p, name]));
    const hurt = counts.filter((c) => c.badStep !== null);
    const step = Math.min(...hurt.map((c) => c.badStep!));
    if (hurt.length > 0 && step < (bad === ALL_FINITE ? Number.POSITIVE_INFINITY : bad)) {
      const first = hurt.filter((c) => c.badStep === step);
      throw new NonFiniteWeightsError(
        step,
        first.map(({ param }) => names.get(param) ?? param.describe()),
      );
    }
    const steps = this.objective.pick(rings, first, end);
    const lossScale = scale ? { lossScale: lossScaleOf(rings.at(-1)!) } : {};
    return { steps, badStep: bad === ALL_FINITE ? null : bad, ...lossScale };
  }

  /** Run a batch eagerly and name the first op with a non-finite result. The weights must be those of before the step. */
  async diagnose(batch: HostBatch, step: number): Promise<NonFiniteLossError> {
    const { model } = this.options;
    // Running statistics, which the bad step may have spoilt, are not checked: training does not read them.
    for (const [name, p] of model.namedParameters()) {
      if ((await p.data()).some((v) => !Number.isFinite(v)))
        return new NonFiniteLossError(step, `${name} holds NaN or Inf already (an earlier gradient overflowed)`);
    }
    if ((batch.x as Float32Array).some((v) => !Number.isFinite(v)) || batch.y.some((v) => !Number.isFinite(v)))
      return new NonFiniteLossError(step, "the batch holds NaN or Inf");
    using watch = new NanWatch();
    for (const part of this.sum?.parts(batch) ?? [{ batch, index: 0 }]) {
      this.moveTo(step, part.index);
      using _scope = new Scope();
      using tape = new Tape();
      const { x, y } = this.captured.input.tensors(part.batch);
      this.forward(tape, x, y);
    }
    const bad = await watch.first();
    return new NonFiniteLossError(step, bad ? describeBad(bad) : "no op repeats it");
  }

  /** Kernel, grid and bytes of each dispatch of the latest step; with micro-batches, of its last part and the update. */
  describe() {
    return [...this.captured.describe(), ...(this.sum?.describe() ?? [])];
  }

  /** Memory of the latest step, or of its last micro-batch; see CapturedStep. */
  memory(): StepMemory {
    return this.captured.memory();
  }

  /** Free the recordings and their memory. */
  dispose(): void {
    this.watch?.dispose();
    this.captured.dispose();
    this.sum?.dispose();
    this.objective.dispose();
    this.stepTensor.dispose();
  }
}
