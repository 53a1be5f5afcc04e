// Predicts the peak memory of a run: its own code takes the first steps on a device that allocates nothing, and the pool
// counts.
import { noGrad } from "../autograd/index.ts";
import { type ArrayDataset, DataError, type ImageShape, type StreamedDataset } from "../data/index.ts";
import {
  type AdapterReport,
  currentGpu,
  expectOptions,
  GENERIC_ADAPTER,
  type Gpu,
  OpError,
  openDryGpu,
  setCurrentGpu,
  sizeClass,
} from "../gpu/index.ts";
import type { Module } from "../nn/index.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { empty, numel, Scope, type Shape, type StepMemory, type Tensor } from "../tensor/index.ts";
import type { KeysOf } from "../text/index.ts";
import type { ImageSize } from "./batch_step.ts";
import type { RunConfig } from "./config.ts";
import { Evaluator } from "./evaluate.ts";
import { recordedSizes } from "./micro_batches.ts";
import type { LossFunction, Metrics } from "./objective.ts";
import { Session } from "./session.ts";
import { croppedSize, evaluationBatch, zeroBatch } from "./session_data.ts";
import { recalibrationSamples } from "./session_recalibration.ts";
import type { TargetFormat } from "./train_step.ts";

export interface PlanOptions {
  /** Builds the model, which is discarded afterwards. Draws from the sequence of `manualSeed`. */
  readonly build: () => Module;
  /** Shape of one sample; [channels, height, width] of images. */
  readonly sample: Shape;
  readonly classes: number;
  readonly config: RunConfig;
  /** Shape and type of a target, for samples that are arrays of numbers. Absent: images, with class numbers. */
  readonly target?: TargetFormat;
  /** Default: cross entropy. */
  readonly loss?: LossFunction | undefined;
  readonly metrics?: Metrics | undefined;
  /** Training images; the last batch may be shorter. Default: one full batch. */
  readonly trainImages?: number;
  /** Test images; 0 leaves evaluation out. Default 0. */
  readonly testImages?: number;
  /** Height and width of stored images, which the GPU crops. Default: those of the sample. */
  readonly stored?: ImageSize;
  /** Adapter whose kernels are chosen and whose limits hold. Default: a generic GPU. */
  readonly adapter?: AdapterReport;
}

const PLAN_KEYS: KeysOf<PlanOptions> = {
  ...{ build: true, sample: true, classes: true, config: true },
  ...{ target: true, loss: true, metrics: true },
  ...{ trainImages: true, testImages: true, stored: true, adapter: true },
};

/** GPU memory of a run, in bytes. */
export interface MemoryPlan {
  /** Largest sum of buffers in use at once; `gpu.memory().peak` of the run. */
  readonly peak: number;
  /** All buffers of the pool, in use or waiting; `live + pooled` of the run. */
  readonly held: number;
  /** Weights as the forward pass reads them, with the padding of their arena. */
  readonly parameters: number;
  /** Latent weights of soft-threshold pruning; else 0. */
  readonly latent: number;
  readonly gradients: number;
  readonly momentum: number;
  /** Moments of Adam, AdamW and RMSProp; else 0. */
  readonly moments: number;
  /** The rest of the pool: running statistics, counts, step values, the ring of metrics, buffers waiting for reuse. */
  readonly other: number;
  /** Images and labels of the batches, training and evaluation. */
  readonly inputs: number;
  /** Memory owned by the captured steps: activations, gradients in flight and workspaces. */
  readonly activations: number;
  /** Readback buffers outside the pool: metrics, checkpoints. */
  readonly staging: number;
  /** Parameters of the dispatches, outside the pool. */
  readonly uniforms: number;
  /** Training step of a full batch or a micro-batch: its arena, the lower bound of any plan, its dispatches and copies. */
  readonly step: StepMemory;
}

/** A data set with a length and no samples: a rehearsal makes zeros. */
function imagined(
  name: string,
  length: number,
  { sample, classes, target }: Pick<PlanOptions, "sample" | "classes" | "target">,
): StreamedDataset | ArrayDataset {
  const classNames = Array.from({ length: classes }, (_, i) => String(i));
  if (target) {
    const y = target.dtype === "i32" ? new Int32Array(0) : new Float32Array(0);
    const x = new Float32Array(0);
    return { kind: "arrays", name, length, shape: sample, x, targetShape: target.shape, y, classes: classNames };
  }
  const perChannel = (value: number) => new Array<number>(sample[0]!).fill(value);
  const batches = () => {
    throw new DataError(`data set ${name} is imagined and has no images`);
  };
  return {
    name,
    shape: sample as ImageShape,
    classes: classNames,
    mean: perChannel(0),
    std: perChannel(1),
    length,
    batches,
    close: async () => {},
  };
}

/** Return the bytes of the input buffers for a batch of n images. */
function inputBytes(n: number, { sample, target, stored: given }: PlanOptions, cropped: boolean): number {
  if (target) return sizeClass(4 * n * numel(sample)) + sizeClass(4 * n * numel(target.shape));
  const [c, h, w] = sample as ImageShape;
  const stored = given ?? ([h, w] as const);
  const [height, width] = stored;
  // Bytes in whole words, labels, and crops unless the images are used whole.
  const words = Math.ceil((n * c * height * width) / 4);
  return sizeClass(4 * words) + sizeClass(4 * n) + (cropped ? sizeClass(16 * n) : 0);
}

/** Return the size of stored images that are cropped; undefined if they are used whole. */
const cutOf = (stored: ImageSize | undefined, [, h, w]: Shape): ImageSize | undefined =>
  stored && (stored[0] !== h || stored[1] !== w) ? stored : undefined;

/** Run `fn` with another current device. */
function onGpu<T>(gpu: Gpu, fn: () => T): T {
  let before: Gpu | null = null;
  try {
    before = currentGpu();
  } catch {
    // there was no device; there is none again afterwards
  }
  setCurrentGpu(gpu);
  try {
    return fn();
  } finally {
    setCurrentGpu(before);
  }
}

function expectWhole(what: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least)
    throw new OpError("planTraining", `${what}: expected an integer >= ${least}, got ${value}`);
}

function arenaBytes({ groups }: Optimizer) {
  const chunks = groups.flatMap((g) => g.chunks);
  const sum = (pick: (c: (typeof chunks)[number]) => Tensor | null) =>
    chunks.reduce((total, c) => total + (pick(c)?.view.buffer.bytes ?? 0), 0);
  return {
    parameters: sum((c) => c.weight ?? c.theta),
    latent: sum((c) => (c.weight ? c.theta : null)),
    gradients: sum((c) => c.gradient),
    momentum: sum((c) => c.velocity),
    moments: sum((c) => c.moments),
  };
}

/** Return the bytes of the staging buffers: one for a checkpoint and one for the state_dict at the end. */
function stagingBytes(model: Module, optimizer: Optimizer): number {
  const bytes = (tensors: Iterable<Tensor>) => [...tensors].reduce((sum, t) => sum + t.bytes, 0);
  const state = bytes([...model.namedState()].map(([, t]) => t));
  const parameters = bytes(model.parameters());
  const chunks = optimizer.groups.flatMap((g) => g.chunks);
  const copies = (chunks[0]?.weight ? 1 : 0) + (chunks[0]?.velocity ? 1 : 0);
  return (
    sizeClass(state) +
    sizeClass(state + copies * parameters + bytes(chunks.flatMap((c) => [c.tally, ...(c.moments ? [c.moments] : [])])))
  );
}

/**
 * Predict the GPU memory of a run from its own code, without an adapter, allocations or kernels. Synchronous; the current
 * device is replaced meanwhile.
 *
 * Errors    OpError for sizes that are not integers, MemoryError if one tensor exceeds the binding limit of `adapter`, and
 *           errors of building the model or its first step.
 */
export function planTraining(options: PlanOptions): MemoryPlan {
  expectOptions("planTraining", options, PLAN_KEYS);
  const { build, sample, classes, config, target, loss, metrics, stored, testImages = 0 } = options;
  const { adapter = GENERIC_ADAPTER } = options;
  const trainImages = options.trainImages ?? config.batchSize;
  for (const n of sample) expectWhole("sample", n, 1);
  for (const [i, n] of (stored ?? []).entries()) expectWhole("stored", n, sample[i + 1]!);
  expectWhole("classes", classes, target?.dtype === "f32" ? 0 : 1);
  expectWhole("batchSize", config.batchSize, 1);
  expectWhole("trainImages", trainImages, 1);
  expectWhole("testImages", testImages, 0);
  const { gpu, uniformBytes, release } = openDryGpu(adapter);
  try {
    return onGpu(gpu, () => {
      const session = new Session({
        model: build(),
        data: { train: imagined("train", trainImages, options), test: imagined("test", testImages, options) },
        ...{ loss, metrics },
        // Of augmentation, only the table of crops takes memory of the GPU: the rehearsed batches have one.
        config: { ...config, augment: { crop: 0, flip: false } },
      });
      const cut = cutOf(stored, sample);
      const trained = cut ?? (target ? undefined : croppedSize({ shape: sample as ImageShape }, config));
      const recordings = session.rehearse(trained, cut);
      const { live, pooled, peak, steps } = gpu.memory();
      const { batchSize, microBatch } = config;
      const recalibrated = session.recalibrates ? recalibrationSamples(trainImages, config) : 0;
      const training = [trainImages, recalibrated].flatMap((n) => recordedSizes(n, batchSize, microBatch));
      const bytes = (sizes: readonly number[], cropped: boolean) =>
        sizes.reduce((sum, n) => sum + inputBytes(n, options, cropped), 0);
      const inputs =
        bytes(training, trained !== undefined) +
        bytes(recordedSizes(testImages, evaluationBatch(config)), cut !== undefined);
      const arenas = arenaBytes(session.optimizer);
      const known = Object.values(arenas).reduce((a, b) => a + b, inputs + steps);
      return {
        peak,
        held: live + pooled,
        ...arenas,
        inputs,
        activations: steps,
        other: live + pooled - known,
        staging: stagingBytes(session.model, session.optimizer),
        uniforms: uniformBytes(),
        step: recordings[0]!,
      };
    });
  } finally {
    release();
  }
}

/** Samples and batches for `planEvaluation`. */
export interface EvaluationPlanOptions
  extends Pick<PlanOptions, "build" | "sample" | "classes" | "target" | "loss" | "metrics" | "stored" | "adapter"> {
  readonly batchSize: number;
  /** True if the model runs eagerly, as in `predict`; else as in an Evaluator, whose captured values share memory. */
  readonly eager?: boolean;
}

const EVALUATION_KEYS: KeysOf<EvaluationPlanOptions> = {
  ...{ build: true, sample: true, classes: true, stored: true, adapter: true },
  ...{ target: true, loss: true, metrics: true, batchSize: true, eager: true },
};

/** Predict the GPU memory, in bytes, of a model in evaluation mode on batches of one size. Errors: see planTraining. */
export function planEvaluation(options: EvaluationPlanOptions): number {
  expectOptions("planEvaluation", options, EVALUATION_KEYS);
  const { build, sample, batchSize, target, loss, metrics, stored, eager = false, adapter = GENERIC_ADAPTER } = options;
  expectWhole("batchSize", batchSize, 1);
  const { gpu, uniformBytes, release } = openDryGpu(adapter);
  try {
    return onGpu(gpu, () => {
      const model = build().eval();
      for (const [, state] of model.namedState()) void state.view; // A parameter allocates memory at its first use.
      if (eager) {
        using _scope = new Scope();
        noGrad(() => model.forward(empty([batchSize, ...sample])));
      } else {
        const data = imagined("test", batchSize, options);
        const scale = "kind" in data ? undefined : data;
        const evaluator = new Evaluator(model, { sample, scale, target, loss, metrics });
        evaluator.enqueue(zeroBatch(data, batchSize, cutOf(stored, sample)), 0);
      }
      return gpu.memory().peak + gpu.memory().pooled + uniformBytes();
    });
  } finally {
    release();
  }
}
