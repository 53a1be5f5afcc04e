// A session builds model, data, optimiser, schedules and the captured step from one configuration. Hosts (CLI, demo,
// examples) drive it and decide where files go.
import {
  checkParts,
  composeTransforms,
  type ImageBatches,
  type ImageTransform,
  randomCrop,
  randomHorizontalFlip,
} from "../data/index.ts";
import { currentGpu } from "../gpu/index.ts";
import { type FileParts, joinParts } from "../io/index.ts";
import type { Module, StateDict } from "../nn/index.ts";
import { SGD } from "../optim/sgd.ts";
import { pruningGroups } from "../prune/groups.ts";
import { MaskWatch } from "../prune/mask_watch.ts";
import type { PruningMethod, PruningRun, Rehearsal } from "../prune/method.ts";
import { expectFinite, type StepMemory } from "../tensor/index.ts";
import { ArgumentError } from "../text/index.ts";
import type { ImageSize } from "./batch_step.ts";
import {
  CheckpointError,
  type CheckpointFile,
  checkpointParts,
  type LoadedCheckpoint,
  loadCheckpoint,
} from "./checkpoint.ts";
import { epochLayers } from "./epoch_layers.ts";
import { type Evaluation, Evaluator } from "./evaluate.ts";
import type { FitOptions, FitResult, RunPosition } from "./fit.ts";
import { type CounterState, checkedCounters } from "./fit_counters.ts";
import { FitLoop } from "./fit_loop.ts";
import { type LayerSparsity, layersOf } from "./layer_sparsity.ts";
import { batchSizes, GradientSum } from "./micro_batches.ts";
import { planRun, type RunPlan } from "./run_plan.ts";
import { epochLength, evaluationBatch, testBatches, trainingBatches, zeroBatch } from "./session_data.ts";
import { checkSessionKeys, type SessionOptions } from "./session_options.ts";
import { TrainStep } from "./train_step.ts";

export type { SessionOptions } from "./session_options.ts";

/** Callbacks and limits of `Session.fit`. */
export type FitCallbacks = Pick<
  FitOptions,
  "onRecord" | "beforeStep" | "onStep" | "checkpointEvery" | "onCheckpoint" | "saveAsked" | "signal"
>;

export class Session {
  readonly model: Module;
  readonly optimizer: SGD;
  readonly step: TrainStep;
  readonly lr: (step: number) => number;
  readonly method: PruningMethod;
  /** All epochs, fine-tuning included. */
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  position: RunPosition = { step: 0, epoch: 0, batch: 0 };
  bestAccuracy = 0;
  private readonly options: SessionOptions;
  private readonly evaluator: Evaluator;
  private readonly plan: RunPlan;
  private readonly run: PruningRun;
  private readonly transform: ImageTransform | undefined;
  private readonly masks: MaskWatch;
  private resumed = false;
  private prepared = false;
  private loop: FitLoop | null = null;
  /** Counters at `position`, and the seconds of its epoch: from a checkpoint or the last `fit`. */
  private saved: { readonly counters: CounterState; readonly epochSeconds: number } | null = null;

  constructor(options: SessionOptions) {
    checkSessionKeys(options);
    this.options = options;
    const { model, train, test, config, replay = true } = options;
    checkParts(train.name, train, test);
    const { momentum, nesterov, weightDecay, labelSmoothing, prune, augment } = config;
    const { batchSize, microBatch = batchSize } = config;
    if (config.logEvery > 256) throw new ArgumentError(`logEvery: expected at most 256, got ${config.logEvery}`);
    if (config.microBatch !== undefined && !(microBatch >= 1 && batchSize % microBatch === 0 && microBatch % 1 === 0))
      throw new ArgumentError(`microBatch: expected an integer that divides batchSize ${batchSize}, got ${microBatch}`);
    this.model = model;
    this.stepsPerEpoch = epochLength(train, config);
    const plan = planRun(config, this.stepsPerEpoch);
    this.plan = plan;
    this.epochs = plan.epochs;
    this.totalSteps = plan.totalSteps;
    this.lr = plan.lr;
    this.method = plan.method;
    const groups = pruningGroups(model, this.method.group, prune.dense);
    this.optimizer = new SGD(groups, { lr: config.lr.base, momentum, nesterov, weightDecay });
    this.step = new TrainStep({
      model,
      optimizer: this.optimizer,
      sample: train.shape,
      scale: train,
      ...(microBatch < batchSize ? { micro: new GradientSum(this.optimizer, { batchSize, microBatch }, replay) } : {}),
      labelSmoothing,
      ...(options.random ? { random: options.random } : {}),
      replay,
    });
    this.evaluator = new Evaluator(model, test.shape, options.random, test);
    this.masks = new MaskWatch(model);
    this.run = { ...plan, model, optimizer: this.optimizer, train: (steps, how) => this.trainFor(steps, how) };
    try {
      this.method.begin?.(this.run);
    } catch (error) {
      for (const part of [this.method, this.step, this.evaluator, this.optimizer]) part.dispose?.();
      throw error;
    }
    this.optimizer.setPhase(this.method.phase(0));
    const transforms = [
      ...(augment.crop > 0 ? [randomCrop(augment.crop)] : []),
      ...(augment.flip ? [randomHorizontalFlip()] : []),
    ];
    this.transform = transforms.length > 0 ? composeTransforms(...transforms) : undefined;
  }

  /** Return the batches of an epoch: a function of (seed, epoch, batch) alone. Errors: see trainingBatches. */
  batches(epoch: number, startBatch: number): ImageBatches {
    const { train, config } = this.options;
    return trainingBatches(train, config, { epoch, startBatch, transform: this.transform });
  }

  /** Compute loss and accuracy on the test set, with the masks of the final model. Null if the signal came first. */
  evaluate(): Promise<Evaluation>;
  evaluate(signal: AbortSignal | undefined): Promise<Evaluation | null>;
  async evaluate(signal?: AbortSignal): Promise<Evaluation | null> {
    const { test, config } = this.options;
    this.optimizer.harden();
    try {
      return await this.evaluator.run(testBatches(test, config), signal);
    } finally {
      this.optimizer.soften();
    }
  }

  /** The same; for LTP while it prunes also the accuracy with soft gates, which shows the cost of hard masks. */
  private async evaluateBoth(
    signal: AbortSignal | undefined,
  ): Promise<(Evaluation & { readonly softAccuracy?: number }) | null> {
    const hard = await this.evaluate(signal);
    if (!hard || !this.optimizer.groups.some((g) => g.options.mode === "ltp" && g.phase === "prune")) return hard;
    const { test, config } = this.options;
    const soft = await this.evaluator.run(testBatches(test, config), signal);
    return soft && { ...hard, softAccuracy: soft.accuracy };
  }

  /** Let the method choose its masks before the first step. A resumed run has them. */
  private async start(): Promise<void> {
    if (!this.resumed && this.position.step === 0) {
      // Weights may have been loaded since the optimiser was made.
      this.optimizer.refresh();
      await this.method.prepare?.(this.run);
      this.optimizer.setPhase(this.method.phase(0));
    }
    this.resumed = true;
    // A resumed run compares with the masks at the start of its epoch.
    if (!this.masks.last) await this.optimizer.hardened(() => this.masks.compare());
  }

  /** Train on the first batches of the run, for a method that measures before it prunes. */
  private async trainFor(steps: number, { values, before, after }: Rehearsal): Promise<void> {
    let n = 0;
    let read = 0;
    for (let epoch = 0; n < steps; epoch++) {
      const batches = this.batches(epoch, 0);
      for await (const batch of batches) {
        const step = n;
        const { lr, ...thresholds } = values(step);
        this.step.run(batch, { step, lr, values: thresholds, before: () => before?.(step) });
        n++;
        await after?.(step);
        if (n - read >= this.step.readEvery || n === steps) {
          const { badStep } = await this.step.read(read, n);
          if (badStep !== null) throw await this.step.diagnose(batch, badStep);
          read = n;
        }
        batches.recycle(batch);
        if (n === steps) break;
      }
    }
  }

  /**
   * Enqueue a training step, then an evaluation, on zeros, for each batch shape of the run: afterwards every buffer of the run
   * exists. Returns the memory of each recording. It changes the weights: use it for plans, not before `fit`. `stored`: size
   * of stored images that are cropped; without it they are used whole.
   */
  rehearse(stored?: ImageSize): StepMemory[] {
    const { train, test, config } = this.options;
    const recordings: StepMemory[] = [];
    for (const size of batchSizes(train.length, config.batchSize)) {
      this.step.run(zeroBatch(train, size, stored), { step: 0, lr: this.lr(0), values: this.method.values(0) });
      recordings.push(this.step.memory());
    }
    this.model.eval();
    for (const size of batchSizes(test.length, evaluationBatch(config))) {
      this.evaluator.enqueue(zeroBatch(test, size, stored), 0);
      recordings.push(this.evaluator.memory());
    }
    this.model.train();
    return recordings;
  }

  /**
   * Prepare the first step: the method chooses its masks, for which it may train, and the tuner tries kernels. `fit` calls it
   * if needed.
   */
  async prepare(): Promise<void> {
    if (this.prepared) return;
    await this.start();
    await this.tune();
    this.prepared = true;
  }

  /** Let the tuner try kernels for every batch shape of the run, before the first step is captured. */
  private async tune(): Promise<void> {
    const { tuner } = currentGpu();
    if (!tuner.active) return;
    const { train, test, config } = this.options;
    this.optimizer.set({ ...this.method.values(this.position.step), lr: this.lr(this.position.step) });
    for (const size of batchSizes(train.length, config.batchSize)) this.step.rehearse(size);
    this.model.eval();
    for (const size of batchSizes(test.length, evaluationBatch(config))) this.evaluator.rehearse(size);
    this.model.train();
    await tuner.tune();
  }

  /**
   * Set another final threshold D from the next step on. The threshold follows its schedule and never falls below its current
   * value. Used by the demo's slider; not saved in checkpoints.
   *
   * Errors   ArgumentError if D is not a number >= 0, or the method has no final threshold.
   */
  setFinalThreshold(final: number): void {
    if (!this.method.setFinal) throw new ArgumentError(`method ${this.method.name} has no final threshold to change`);
    if (!(Number.isFinite(final) && final >= 0))
      throw new ArgumentError(`final threshold: expected a number >= 0, got ${final}`);
    this.method.setFinal(final);
  }

  /** Train from the current position to the end, or until the signal. */
  async fit(callbacks: FitCallbacks = {}): Promise<FitResult> {
    await this.prepare();
    const { config } = this.options;
    const loop = new FitLoop({
      ...callbacks,
      ...this.saved,
      ...this.plan,
      train: this.step,
      optimizer: this.optimizer,
      layers: () => epochLayers(this.model, this.optimizer, this.masks),
      weightDecay: config.weightDecay,
      logEvery: config.logEvery,
      batches: (epoch, startBatch) => this.batches(epoch, startBatch),
      evaluate: (signal) => this.evaluateBoth(signal),
      start: this.position,
    });
    this.loop = loop;
    try {
      const result = await loop.run();
      const counters = await loop.snapshot();
      this.saved = counters && { counters, epochSeconds: loop.epochSeconds };
      this.position = result.position;
      return result;
    } finally {
      this.loop = null;
    }
  }

  /** Shape of one sample, and the class count. */
  get sample(): readonly number[] {
    return this.options.train.shape;
  }
  get classes(): number {
    return this.options.train.classes.length;
  }

  /** Return the counters at a position; null if the run is elsewhere by now. */
  private async countersAt({ step, batch }: RunPosition): Promise<CounterState | null> {
    const { loop } = this;
    const now = loop?.position ?? this.position;
    if (now.step !== step || now.batch !== batch) return null;
    return (loop ? await loop.snapshot() : this.saved?.counters) ?? null;
  }

  /** Seconds of the epoch in progress so far. */
  get epochSeconds(): number {
    return this.loop?.epochSeconds ?? this.saved?.epochSeconds ?? 0;
  }

  /**
   * Return the bytes of a checkpoint at a position that `fit` reported. `host`: state of the host, as JSON; the seconds of the
   * epoch are added to it. Without it the same run gives the same bytes.
   */
  async save(position: RunPosition, host?: Readonly<Record<string, unknown>>): Promise<Uint8Array> {
    return joinParts(await this.saveParts(position, host));
  }

  /** The same as the parts of a file, which may be larger than one array. */
  async saveParts(position: RunPosition, host?: Readonly<Record<string, unknown>>): Promise<FileParts> {
    const { config, savedConfig = config } = this.options;
    const { epochSeconds } = this;
    const counters = await this.countersAt(position);
    const progress = {
      ...position,
      seed: config.seed,
      threshold: this.method.thresholdAt(position.step) ?? 0,
      config: savedConfig,
      bestAccuracy: this.bestAccuracy,
      ...(counters ? { counters } : {}),
    };
    return checkpointParts(this.model, this.optimizer, progress, this.method.state?.(), {
      masks: this.masks.last,
      ...(host ? { host: { ...host, epochSeconds } } : {}),
    });
  }

  /**
   * Load a checkpoint, to continue from its position. Returns its progress record.
   *
   * Errors   CheckpointError if it does not fit the model, the optimiser, or the epoch length of this session: positions in
   *          batches of another size do not carry over.
   */
  load(file: CheckpointFile, name: string): LoadedCheckpoint {
    const { model, optimizer, method, stepsPerEpoch } = this;
    // From phase `mask`, setting a phase leaves the weights alone: they are those of the checkpoint.
    optimizer.setPhase("mask");
    const loaded = loadCheckpoint(file, name, model, optimizer, method.state?.());
    const { step, epoch, batch, bestAccuracy, counters, masks } = loaded;
    if (step !== epoch * stepsPerEpoch + batch || batch > stepsPerEpoch) {
      const problem = `${name}: expected epochs of ${stepsPerEpoch} steps, got step ${step} at batch ${batch} of epoch ${epoch + 1}: its batch size or its data differ`;
      throw new CheckpointError(problem);
    }
    this.position = { step, epoch, batch };
    this.bestAccuracy = bestAccuracy;
    this.resumed = true;
    if (masks) this.masks.restore(masks);
    const seconds = (loaded.host as { epochSeconds?: unknown } | null | undefined)?.epochSeconds;
    const epochSeconds = typeof seconds === "number" && seconds > 0 ? seconds : 0;
    try {
      this.saved = counters ? { counters: checkedCounters(counters), epochSeconds } : null;
    } catch (cause) {
      throw new CheckpointError(`${name}: its progress record: ${(cause as Error).message}`);
    }
    optimizer.setPhase(method.phase(step));
    return loaded;
  }

  /**
   * Return the weights as evaluation reads them, and all other state, by name, for export and reports. Waits for the GPU.
   * Errors: NonFiniteError if one holds NaN or infinity.
   */
  async weights(): Promise<StateDict> {
    const state = await this.optimizer.hardened(() => this.model.stateDict());
    expectFinite("the model's weights", state);
    return state;
  }

  /** Count the zeros of each prunable layer, from the weights. */
  async layers(): Promise<LayerSparsity[]> {
    return layersOf(this.model, await this.weights());
  }

  dispose(): void {
    this.method.dispose?.();
    this.step.dispose();
    this.evaluator.dispose();
    this.optimizer.dispose();
    this.model.dispose();
  }
}
