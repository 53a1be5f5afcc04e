// A run put together: model, data, optimiser, schedules and the captured step, out of one configuration. Hosts (CLI,
// demo, examples) drive it and decide where files go.
import {
  compose,
  DataLoader,
  type ImageDataset,
  type ImageTransform,
  randomCrop,
  randomHorizontalFlip,
} from "../data/index.ts";
import { currentGpu } from "../gpu/index.ts";
import type { Module, Parameter, RandomState } from "../nn/index.ts";
import { makeLrSchedule } from "../optim/lr_scheduler.ts";
import { SGD } from "../optim/sgd.ts";
import { inverseThreshold, pruningGroups } from "../prune/groups.ts";
import { makeThresholdSchedule, type ThresholdSchedule } from "../prune/threshold_schedule.ts";
import type { StepMemory } from "../tensor/index.ts";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { type RunConfig, thresholdConfig } from "./config.ts";
import { type Evaluation, Evaluator } from "./evaluate.ts";
import { type FitOptions, type FitResult, fit, type Position } from "./fit.ts";
import { TrainStep } from "./train_step.ts";

export interface SessionOptions {
  readonly model: Module;
  readonly train: ImageDataset;
  readonly test: ImageDataset;
  readonly config: RunConfig;
  /** Saved inside checkpoints; default: `config`. */
  readonly savedConfig?: unknown;
  /** Of the model's dropout layers, if it has any. */
  readonly random?: RandomState;
  /** False: run each step eagerly. */
  readonly replay?: boolean;
}

/** Zeros of one prunable layer. */
export interface LayerSparsity {
  readonly name: string;
  readonly shape: readonly number[];
  readonly weights: number;
  readonly zeros: number;
}

type FitCallbacks = Pick<FitOptions, "onRecord" | "onStep" | "checkpointEvery" | "onCheckpoint" | "signal">;

/** Images that one evaluation step takes: as many as a training step, whose memory it then shares, within reason. */
export const evaluationBatch = ({ batchSize }: Pick<RunConfig, "batchSize">): number =>
  Math.min(500, Math.max(32, batchSize));

/** Sizes of the batches that `count` samples make: full ones, and a shorter last one. */
export function batchSizes(count: number, batch: number): number[] {
  return [...(count >= batch ? [batch] : []), ...(count % batch > 0 ? [count % batch] : [])];
}

export class Session {
  readonly model: Module;
  readonly optimizer: SGD;
  readonly step: TrainStep;
  readonly lr: (step: number) => number;
  readonly threshold: ThresholdSchedule;
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  position: Position = { step: 0, epoch: 0, batch: 0 };
  bestAccuracy = 0;
  private readonly options: SessionOptions;
  private readonly evaluator: Evaluator;
  private readonly transform: ImageTransform | undefined;
  private started = false;

  constructor(options: SessionOptions) {
    this.options = options;
    const { model, train, test, config } = options;
    if (config.logEvery > 256) throw new RangeError(`logEvery wants at most 256, was given ${config.logEvery}`);
    this.model = model;
    this.stepsPerEpoch = new DataLoader({ dataset: train, batchSize: config.batchSize }).length;
    this.totalSteps = this.stepsPerEpoch * config.epochs;
    this.lr = makeLrSchedule(config.lr, { epochs: config.epochs, stepsPerEpoch: this.stepsPerEpoch });
    this.threshold = makeThresholdSchedule(thresholdConfig(config, this.stepsPerEpoch), {
      totalSteps: this.totalSteps,
      stepsPerEpoch: this.stepsPerEpoch,
      epochs: config.epochs,
      lr: this.lr,
    });
    const { momentum, nesterov, weightDecay, labelSmoothing, prune, augment } = config;
    const groups = pruningGroups(model, { ...prune, mode: prune.schedule === "none" ? "none" : prune.mode });
    this.optimizer = new SGD(groups, { lr: this.lr(0), momentum, nesterov, weightDecay });
    this.step = new TrainStep({
      model,
      optimizer: this.optimizer,
      sample: train.shape,
      labelSmoothing,
      ...(options.random ? { random: options.random } : {}),
      replay: options.replay ?? true,
    });
    this.evaluator = new Evaluator(model, test.shape, options.random);
    const transforms = [
      ...(augment.crop > 0 ? [randomCrop(augment.crop)] : []),
      ...(augment.flip ? [randomHorizontalFlip()] : []),
    ];
    this.transform = transforms.length > 0 ? compose(...transforms) : undefined;
  }

  /** Batches of an epoch: a function of (seed, epoch, batch) alone. */
  batches(epoch: number, startBatch: number): DataLoader {
    const { train, config } = this.options;
    return new DataLoader({
      dataset: train,
      batchSize: config.batchSize,
      shuffle: true,
      seed: config.seed,
      epoch,
      startBatch,
      ...(this.transform ? { transform: this.transform } : {}),
    });
  }

  evaluate(): Promise<Evaluation> {
    const { test, config } = this.options;
    return this.evaluator.run(new DataLoader({ dataset: test, batchSize: evaluationBatch(config) }));
  }

  /** A run that begins under a threshold d > 0 shifts its latent weights by d, so that the first forward is unchanged. */
  private async start(): Promise<void> {
    if (this.started) return;
    this.started = true;
    const d = this.threshold.at(this.position.step);
    if (this.position.step > 0 || d === 0) return;
    for (const p of this.model.parameters()) {
      if (p.latent) p.latent.set(inverseThreshold((await p.latent.data()) as Float32Array, d));
    }
  }

  /**
   * Enqueues a training step, then an evaluation, of each batch shape that a run meets, on zeros: afterwards every
   * buffer of the run exists. Returns the memory of each recording. It moves the weights: for plans, not before `fit`.
   */
  rehearse(): StepMemory[] {
    const { train, test, config } = this.options;
    const recordings: StepMemory[] = [];
    const zeros = (shape: readonly number[], size: number) => {
      const pixels = shape.reduce((a, b) => a * b, 1);
      return { x: new Float32Array(size * pixels), y: new Int32Array(size), size };
    };
    for (const size of batchSizes(train.length, config.batchSize)) {
      this.step.run(zeros(train.shape, size), { step: 0, lr: this.lr(0), threshold: 0, thresholdNext: 0, tau: 0 });
      recordings.push(this.step.memory());
    }
    this.model.eval();
    for (const size of batchSizes(test.length, evaluationBatch(config))) {
      this.evaluator.enqueue(zeros(test.shape, size), 0);
      recordings.push(this.evaluator.memory());
    }
    this.model.train();
    return recordings;
  }

  /** Lets the tuner try kernels for every batch shape of the run, before the first step is captured. */
  private async tune(): Promise<void> {
    const { tuner } = currentGpu();
    if (!tuner.active) return;
    const { train, test, config } = this.options;
    for (const size of batchSizes(train.length, config.batchSize)) this.step.rehearse(size);
    this.model.eval();
    for (const size of batchSizes(test.length, evaluationBatch(config))) this.evaluator.rehearse(size);
    this.model.train();
    await tuner.tune();
  }

  /** Trains from the current position to the end, or until the signal. */
  async fit(callbacks: FitCallbacks = {}): Promise<FitResult> {
    await this.start();
    await this.tune();
    const { config } = this.options;
    const result = await fit({
      ...callbacks,
      train: this.step,
      optimizer: this.optimizer,
      epochs: config.epochs,
      stepsPerEpoch: this.stepsPerEpoch,
      lr: this.lr,
      threshold: this.threshold,
      momentum: config.momentum,
      weightDecay: config.weightDecay,
      logEvery: config.logEvery,
      batches: (epoch, startBatch) => this.batches(epoch, startBatch),
      evaluate: () => this.evaluate(),
      start: this.position,
    });
    this.position = result.position;
    return result;
  }

  /** Bytes of a checkpoint at a position that `fit` reported. */
  save(position: Position): Promise<Uint8Array> {
    const { config, savedConfig = config } = this.options;
    return saveCheckpoint(this.model, this.optimizer, {
      ...position,
      seed: config.seed,
      threshold: this.threshold.at(position.step),
      config: savedConfig,
      bestAccuracy: this.bestAccuracy,
    });
  }

  /** Goes on where a checkpoint stopped. */
  load(bytes: Uint8Array, name: string): void {
    const { step, epoch, batch, bestAccuracy } = loadCheckpoint(bytes, name, this.model, this.optimizer);
    this.position = { step, epoch, batch };
    this.bestAccuracy = bestAccuracy;
    this.started = true;
  }

  /** Zeros of each prunable layer, counted from the weights themselves. */
  async layers(): Promise<LayerSparsity[]> {
    return layerSparsity(this.model);
  }

  dispose(): void {
    this.step.dispose();
    this.evaluator.dispose();
    this.optimizer.dispose();
    this.model.dispose();
  }
}

/** Zeros of each prunable layer of a model. Waits for the GPU. */
export async function layerSparsity(model: Module): Promise<LayerSparsity[]> {
  const prunable = [...model.namedParameters()].filter((entry): entry is [string, Parameter] => entry[1].prunable);
  const state = await model.stateDict();
  return prunable.map(([name, p]) => {
    let zeros = 0;
    for (const v of state.get(name)?.data ?? []) if (v === 0) zeros++;
    return { name, shape: p.shape, weights: p.numel, zeros };
  });
}
