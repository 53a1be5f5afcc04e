// Peak memory of a training run before it starts: the run's own code goes through its first steps on a device that
// makes nothing, and the pool counts.
import { noGrad } from "../autograd/index.ts";
import { DataError, type ImageShape, type StreamedDataset } from "../data/index.ts";
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
import type { SGD } from "../optim/sgd.ts";
import { empty, Scope, type StepMemory, type Tensor } from "../tensor/index.ts";
import type { KeysOf } from "../text/index.ts";
import type { ImageSize } from "./batch_step.ts";
import type { RunConfig } from "./config.ts";
import { Evaluator } from "./evaluate.ts";
import { recordedSizes } from "./micro_batches.ts";
import { Session } from "./session.ts";
import { evaluationBatch, zeroBatch } from "./session_data.ts";

export interface PlanOptions {
  /** Builds the model anew; it is thrown away afterwards. Draws from the sequence of `manualSeed`. */
  readonly build: () => Module;
  /** Shape of one sample, [channels, height, width]. */
  readonly sample: ImageShape;
  readonly classes: number;
  readonly config: RunConfig;
  /** Training images; the last batch may be shorter. Default: one full batch. */
  readonly trainImages?: number;
  /** Test images; 0 leaves evaluation out. Default 0. */
  readonly testImages?: number;
  /** Height and width of stored images, which the GPU crops. Default: those of the sample. */
  readonly stored?: ImageSize;
  /** Adapter whose kernels are chosen and whose limits hold. Default: a card of no particular make. */
  readonly adapter?: AdapterReport;
}

const PLAN_KEYS: KeysOf<PlanOptions> = {
  ...{ build: true, sample: true, classes: true, config: true },
  ...{ trainImages: true, testImages: true, stored: true, adapter: true },
};

/** Bytes of GPU memory that a run takes. */
export interface MemoryPlan {
  /** Largest sum of buffers in use at once; `gpu.memory().peak` of the run. */
  readonly peak: number;
  /** All buffers of the pool, in use or waiting; `live + pooled` of the run. */
  readonly held: number;
  /** Weights as the forward pass reads them, with the padding of their arena. */
  readonly parameters: number;
  /** Latent weights of soft-threshold pruning; 0 without. */
  readonly latent: number;
  readonly gradients: number;
  readonly momentum: number;
  /** The rest of the pool: running statistics, counts, step values, the ring of metrics, buffers waiting for reuse. */
  readonly other: number;
  /** Images and labels of the batches, training and evaluation. */
  readonly inputs: number;
  /** Activations, gradients on their way and workspaces: what the captured steps own. */
  readonly activations: number;
  /** Buffers from which the host reads, outside the pool: metrics, checkpoints. */
  readonly staging: number;
  /** Parameters of the dispatches, outside the pool. */
  readonly uniforms: number;
  /** The training step of a full batch, or of a micro-batch: its arena, the least that any plan needs, its dispatches and copies. */
  readonly step: StepMemory;
}

/** A data set with a length and no images: a rehearsal makes its own. */
function imagined(
  name: string,
  length: number,
  { sample, classes }: Pick<PlanOptions, "sample" | "classes">,
): StreamedDataset {
  const perChannel = (value: number) => new Array<number>(sample[0]).fill(value);
  const batches = () => {
    throw new DataError(`data set ${name} is imagined and has no images`);
  };
  return {
    name,
    shape: sample,
    classes: Array.from({ length: classes }, (_, i) => String(i)),
    mean: perChannel(0),
    std: perChannel(1),
    length,
    batches,
    close: async () => {},
  };
}

/** What is uploaded for a batch of n images and stays on the GPU. */
function inputBytes(n: number, { sample: [c, h, w], stored = [h, w] }: PlanOptions): number {
  const [height, width] = stored;
  // Bytes in whole words, labels, and places unless the images are taken whole.
  const words = Math.ceil((n * c * height * width) / 4);
  return sizeClass(4 * words) + sizeClass(4 * n) + (isWhole(stored, h, w) ? 0 : sizeClass(16 * n));
}

const isWhole = ([height, width]: ImageSize, h: number, w: number) => height === h && width === w;

/** Runs `fn` with another current device. */
function onGpu<T>(gpu: Gpu, fn: () => T): T {
  let before: Gpu | null = null;
  try {
    before = currentGpu();
  } catch {
    // there was none, and there will be none again
  }
  setCurrentGpu(gpu);
  try {
    return fn();
  } finally {
    setCurrentGpu(before);
  }
}

function expectWhole(what: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new OpError("planTraining", `${what} wants a whole number >= ${least}, was given ${value}`);
  }
}

function arenaBytes({ groups }: SGD) {
  const chunks = groups.flatMap((g) => g.chunks);
  const sum = (pick: (c: (typeof chunks)[number]) => Tensor | null) =>
    chunks.reduce((total, c) => total + (pick(c)?.view.buffer.bytes ?? 0), 0);
  return {
    parameters: sum((c) => c.weight ?? c.theta),
    latent: sum((c) => (c.weight ? c.theta : null)),
    gradients: sum((c) => c.gradient),
    momentum: sum((c) => c.velocity),
  };
}

/** What the host reads at once: a checkpoint and, at the end, the state_dict, each in a staging buffer of its own. */
function stagingBytes(model: Module, optimizer: SGD): number {
  const bytes = (tensors: Iterable<Tensor>) => [...tensors].reduce((sum, t) => sum + t.bytes, 0);
  const state = bytes([...model.namedState()].map(([, t]) => t));
  const parameters = bytes(model.parameters());
  const chunks = optimizer.groups.flatMap((g) => g.chunks);
  const copies = (chunks[0]?.weight ? 1 : 0) + (chunks[0]?.velocity ? 1 : 0);
  return sizeClass(state) + sizeClass(state + copies * parameters + bytes(chunks.map((c) => c.tally)));
}

/**
 * Predicts the GPU memory of a run from its own code, without an adapter, without allocating and without running a
 * kernel. Synchronous: the current device is another one only while it lasts.
 *
 * Errors    OpError for sizes that are not whole numbers, MemoryError when one tensor exceeds what `adapter` binds at
 *           once, and what building the model or its first step throws.
 */
export function planTraining(options: PlanOptions): MemoryPlan {
  expectOptions("planTraining", options, PLAN_KEYS);
  const { build, sample, classes, config, stored, adapter = GENERIC_ADAPTER, testImages = 0 } = options;
  const trainImages = options.trainImages ?? config.batchSize;
  for (const n of sample) expectWhole("sample", n, 1);
  for (const [i, n] of (stored ?? []).entries()) expectWhole("stored", n, sample[i + 1]!);
  expectWhole("classes", classes, 1);
  expectWhole("batchSize", config.batchSize, 1);
  expectWhole("trainImages", trainImages, 1);
  expectWhole("testImages", testImages, 0);
  const { gpu, uniformBytes, release } = openDryGpu(adapter);
  try {
    return onGpu(gpu, () => {
      const session = new Session({
        model: build(),
        train: imagined("train", trainImages, options),
        test: imagined("test", testImages, options),
        // Augmentation takes no memory of the GPU.
        config: { ...config, augment: { crop: 0, flip: false } },
      });
      const recordings = session.rehearse(stored && !isWhole(stored, sample[1], sample[2]) ? stored : undefined);
      const { live, pooled, peak, steps } = gpu.memory();
      const { batchSize, microBatch } = config;
      const given = [
        ...recordedSizes(trainImages, batchSize, microBatch),
        ...recordedSizes(testImages, evaluationBatch(config)),
      ];
      const inputs = given.reduce((sum, n) => sum + inputBytes(n, options), 0);
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

/** What `planEvaluation` has to know of the samples and their batches. */
export interface EvaluationPlanOptions
  extends Pick<PlanOptions, "build" | "sample" | "classes" | "stored" | "adapter"> {
  readonly batchSize: number;
  /** The model is called as it is, as `predict` does; else as an Evaluator does, whose values share memory in turns. */
  readonly eager?: boolean;
}

const EVALUATION_KEYS: KeysOf<EvaluationPlanOptions> = {
  ...{ build: true, sample: true, classes: true, stored: true, adapter: true },
  ...{ batchSize: true, eager: true },
};

/** Predicts the GPU memory, in bytes, of a model in evaluation mode on batches of one size. Errors: see planTraining. */
export function planEvaluation(options: EvaluationPlanOptions): number {
  expectOptions("planEvaluation", options, EVALUATION_KEYS);
  const { build, sample, batchSize, stored, eager = false, adapter = GENERIC_ADAPTER } = options;
  expectWhole("batchSize", batchSize, 1);
  const { gpu, uniformBytes, release } = openDryGpu(adapter);
  try {
    return onGpu(gpu, () => {
      const model = build().eval();
      for (const [, state] of model.namedState()) void state.view; // A parameter takes memory when it is first used.
      if (eager) {
        using _scope = new Scope();
        noGrad(() => model.forward(empty([batchSize, ...sample])));
      } else {
        const data = imagined("test", batchSize, options);
        const evaluator = new Evaluator(model, sample, undefined, data);
        const cut = stored && !isWhole(stored, sample[1], sample[2]) ? stored : undefined;
        evaluator.enqueue(zeroBatch(data, batchSize, cut), 0);
      }
      return gpu.memory().peak + gpu.memory().pooled + uniformBytes();
    });
  } finally {
    release();
  }
}
