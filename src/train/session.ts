// A session builds model, data, optimiser, schedules and the captured step from its options. Hosts (CLI, demo, examples) drive
// it and decide where files go.
import { DisposedError, warnOnce } from "../gpu/index.ts";
import { type FileParts, joinParts } from "../io/index.ts";
import type { Module, StateDict } from "../nn/index.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { PruningMethod, PruningRun } from "../prune/method.ts";
import { expectFinite, type StepMemory } from "../tensor/index.ts";
import { ArgumentError } from "../text/index.ts";
import type { ImageSize } from "./batch_step.ts";
import type { CheckpointFile, LoadedCheckpoint } from "./checkpoint.ts";
import { cutLayers } from "./dead_layers.ts";
import { differentiate } from "./differentiate.ts";
import { epochLayers } from "./epoch_layers.ts";
import { testEpoch } from "./epoch_test.ts";
import type { Evaluation } from "./evaluate.ts";
import { trainFirst } from "./first_batches.ts";
import type { EpochTest, FitResult, RunPosition } from "./fit.ts";
import { checkControl, type FitCallbacks } from "./fit_control.ts";
import type { CounterState } from "./fit_counters.ts";
import { FitLoop } from "./fit_loop.ts";
import { type LayerSparsity, layersOf } from "./layer_sparsity.ts";
import type { ModelChange } from "./model_change.ts";
import type { Score } from "./score.ts";
import { beginSession, buildSessionParts, type SessionParts } from "./session_build.ts";
import { changeModel, changeShapes, restoreKernels } from "./session_change.ts";
import { restoreSession, type Saveable, sessionParts } from "./session_checkpoint.ts";
import { croppedSize, formatOf, type SessionBatches, testBatches, trainingBatches } from "./session_data.ts";
import { betweenEpochs, sparsifyBetween } from "./session_epochs.ts";
import type { SessionOptions } from "./session_options.ts";
import { SessionRecalibration } from "./session_recalibration.ts";
import { rehearseSession, tuneSession } from "./session_rehearse.ts";
import type { TrainStep } from "./train_step.ts";

/**
 * A training run: a model, its data, and everything between them. Two options suffice; SessionOptions lists the others.
 *
 * Data      images as bytes, streamed or in memory, or arrays of any shape; see SessionData.
 * Order     in a step: forward, backward, SGD, then the threshold moves. Records and callbacks in order: `onRecord`, the loggers,
 *           `onEpoch`.
 * End       after all epochs, at the signal, or after an epoch that leaves a layer on every path without a live weight:
 *           `reason` of the result and of `onEnd` is done, signal or dead.
 * Memory    `dispose` frees the model, the optimizer and the captured steps.
 * Errors    ArgumentError, DataError or OpError naming the option: unknown, of another type, or in contradiction to another.
 * @example
 * const model = new Sequential([new Linear(2, 16), new ReLU(), new Linear(16, 2)]);
 * const data = { x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [0, 1, 1, 0] };
 * const session = new Session({ model, data, config: { epochs: 20 }, onEpoch: ({ loss }) => console.log(loss) });
 * await session.fit();
 * session.dispose();
 */
export class Session {
  /** The model that is trained. */
  readonly model: Module;
  /** Its optimiser. */
  readonly optimizer: Optimizer;
  /** The captured training step. */
  readonly step: TrainStep;
  /** Learning rate of step n. */
  readonly lr: (step: number) => number;
  /** Pruning method of the run. */
  readonly method: PruningMethod;
  /** All epochs, fine-tuning included. */
  readonly epochs: number;
  /** Steps of an epoch. */
  readonly stepsPerEpoch: number;
  /** Steps of all epochs. */
  readonly totalSteps: number;
  /** Measurement that chooses the best model. */
  readonly score: Score;
  /** Position of the next step. */
  position: RunPosition = { step: 0, epoch: 0, batch: 0 };
  /** Best test accuracy so far, 0 to 1; the host sets it. */
  bestAccuracy = 0;
  /** Best value of `score` so far; null before the first test. The host sets it. */
  bestScore: number | null = null;
  private readonly parts: SessionParts;
  private readonly savedConfig: unknown;
  private readonly run: PruningRun;
  private readonly recalibration: SessionRecalibration;
  private resumed = false;
  private prepared = false;
  private loop: FitLoop | null = null;
  private isFitting = false;
  private isDisposed = false;
  /** Counters at `position`, and the seconds of its epoch: from a checkpoint or the last `fit`. */
  private saved: { readonly counters: CounterState; readonly epochSeconds: number } | null = null;

  constructor(options: SessionOptions) {
    const parts = buildSessionParts(options);
    this.parts = parts;
    const { model, optimizer, step, plan, config } = parts;
    this.model = model;
    this.optimizer = optimizer;
    this.step = step;
    this.lr = plan.lr;
    this.method = plan.method;
    this.epochs = plan.epochs;
    this.stepsPerEpoch = plan.stepsPerEpoch;
    this.totalSteps = plan.totalSteps;
    this.score = parts.score;
    this.savedConfig = options.savedConfig ?? config;
    const { sample: shape, dtype = "f32" } = formatOf(parts.train);
    const train: PruningRun["train"] = (steps, how) =>
      trainFirst(this.step, (epoch) => this.batches(epoch, 0), steps, how);
    this.run = { ...plan, model, optimizer, sample: { shape, dtype }, differentiate, train };
    this.recalibration = new SessionRecalibration(parts, (epoch) => this.batches(epoch, 0));
    beginSession(parts, this.run);
  }

  /** Return the batches of an epoch: a function of (seed, epoch, batch) alone. Errors: see trainingBatches. */
  batches(epoch: number, startBatch: number): SessionBatches {
    const { train, config, transform } = this.parts;
    return trainingBatches(train, config, { epoch, startBatch, transform });
  }

  /**
   * Compute loss, accuracy and metrics on the test set, with the masks of the final model. Null if the signal came first. Errors:
   * ArgumentError without a test set.
   */
  evaluate(): Promise<Evaluation>;
  evaluate(signal: AbortSignal | undefined): Promise<Evaluation | null>;
  async evaluate(signal?: AbortSignal): Promise<Evaluation | null> {
    this.expectLive("evaluate");
    const { test, config, evaluator } = this.parts;
    if (!test || !evaluator) throw new ArgumentError("evaluate: expected a session with a test set, got none");
    this.optimizer.harden();
    try {
      return await evaluator.run(testBatches(test, config), signal);
    } finally {
      this.optimizer.soften();
    }
  }

  /** True if tests re-estimate the statistics of batch norm: the model has it, and `config.recalibrate` is above 0. */
  get recalibrates(): boolean {
    return this.recalibration.count > 0;
  }

  /**
   * Run `work` with running statistics of batch norm that are re-estimated from the first training batches of the run, with the masks of
   * the final model: `evaluate`, `weights` and exports then use them. Afterwards the model has those of training again, bit for bit, and
   * no weight, mask or random number of the run has changed. Without batch norm, or with 0 batches, run it as it is. `batches`:
   * default `config.recalibrate`. Errors: see `recalibrate`.
   */
  async recalibrated<T>(work: () => T | Promise<T>, batches?: number): Promise<T> {
    this.expectLive("recalibrated");
    return (await this.recalibration.use(work, { batches, step: this.loop?.position.step }))!;
  }

  private testEpoch(signal: AbortSignal | undefined): Promise<EpochTest | null> {
    const { optimizer, recalibration } = this;
    const { test, config, evaluator } = this.parts;
    const hard = () => this.evaluate(signal);
    const soft = () => evaluator!.run(testBatches(test!, config), signal);
    return testEpoch({ optimizer, recalibration, step: this.loop?.position.step, hard, soft }, signal);
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
    const { masks } = this.parts;
    if (masks && !masks.last) await this.optimizer.hardened(() => masks.compare());
  }

  /**
   * Make every buffer of the run: enqueue a step, then an evaluation, on zeros, for each batch shape. Returns the memory of each
   * recording. Changes the weights: not before `fit`. `stored`, `tested`: sizes of training and test images that the GPU crops.
   */
  rehearse(stored = croppedSize(this.parts.train, this.parts.config), tested?: ImageSize): StepMemory[] {
    return rehearseSession(this.parts, this.recalibration, stored, tested);
  }

  /**
   * Prepare the first step: the method chooses its masks, for which it may train, and the tuner tries kernels. `fit` calls it
   * if needed.
   */
  async prepare(): Promise<void> {
    this.expectLive("prepare");
    if (this.prepared) return;
    await this.start();
    await tuneSession(this.parts, this.position.step);
    this.prepared = true;
  }

  /** @internal Change the model between two steps of a run: see `changeModel`. Waits for the GPU. */
  async change(change: ModelChange, step = this.position.step): Promise<void> {
    await changeModel(this.parts, this.recalibration, change);
    await tuneSession(this.parts, step);
  }

  /**
   * Set another final threshold D from the next step on. The threshold follows its schedule; with latent weights it may fall, and
   * weights return. Used by the demo's slider; not saved in checkpoints.
   *
   * Errors   ArgumentError if D is not a number >= 0, or the method has no final threshold.
   */
  setFinalThreshold(final: number): void {
    if (!this.method.setFinal) throw new ArgumentError(`method ${this.method.name} has no final threshold to change`);
    if (!(Number.isFinite(final) && final >= 0))
      throw new ArgumentError(`final threshold: expected a number >= 0, got ${final}`);
    this.method.setFinal(final);
  }

  /**
   * Train from the current position to the end, or until the signal. The callbacks given here are called after those of the
   * session; an error of theirs ends the run. Loggers are closed once the run has finished, or failed.
   *
   * Errors   ArgumentError for an unknown option, or a second call before the first has ended; NonFiniteLossError; DisposedError.
   */
  async fit(control: FitCallbacks = {}): Promise<FitResult> {
    checkControl(control);
    this.expectLive("fit");
    if (this.isFitting) throw new ArgumentError("Session.fit: expected one call at a time: another has not ended yet");
    this.isFitting = true;
    this.recalibration.forget();
    try {
      await this.prepare();
      await sparsifyBetween(this.parts, this.position.epoch * this.stepsPerEpoch, (change) => this.change(change));
      const loop = this.loopFor(control);
      this.loop = loop;
      const result = await loop.run();
      const counters = await loop.snapshot();
      this.saved = counters && { counters, epochSeconds: loop.epochSeconds };
      this.position = result.position;
      if (result.finished) await this.regrow();
      if (result.finished) await this.parts.listeners.close();
      return result;
    } catch (error) {
      await this.parts.listeners.close();
      if (this.isDisposed && error instanceof DisposedError)
        throw new DisposedError("Session.fit: the session was disposed while it trained: stop it with a signal first");
      throw error;
    } finally {
      this.loop = null;
      restoreKernels(this.parts, this.recalibration);
      this.isFitting = false;
    }
  }

  /** Give the model its original sizes, with zeros: results are those of the original network. */
  private async regrow(): Promise<void> {
    const { shrunk } = this.parts;
    const change = shrunk?.regrowth(this.model);
    if (!change) return;
    await changeModel(this.parts, this.recalibration, change);
    shrunk!.forget();
  }

  private loopFor(control: FitCallbacks): FitLoop {
    const { config, kernels, listeners, masks, ownRates, plan, shrunk, test } = this.parts;
    return new FitLoop({
      ...control,
      ...this.saved,
      ...plan,
      ownRates,
      train: this.step,
      optimizer: this.optimizer,
      layers: async () => {
        const rows = masks ? await epochLayers(this.model, this.optimizer, masks, config.prune.group) : [];
        return shrunk ? rows.map((row) => shrunk.row(row)) : rows;
      },
      ...(shrunk ? { weights: shrunk.weights, multiplyAdds: () => shrunk.multiplyAdds } : {}),
      ...(kernels ? { sparseLayers: () => kernels.layers } : {}),
      betweenEpochs: (step) => betweenEpochs(this.parts, step, (change) => this.change(change, step)),
      dead: (empty) => cutLayers(this.model, formatOf(this.parts.train), empty),
      onEnd: (result) => listeners.end(result, control.onEnd),
      weightDecay: config.weightDecay,
      logEvery: config.logEvery,
      batches: (epoch, startBatch) => this.batches(epoch, startBatch),
      ...(test ? { evaluate: (signal?: AbortSignal) => this.testEpoch(signal) } : {}),
      start: this.position,
      onStep: (position) => {
        const waits = [listeners.step(position), control.onStep?.(position)].filter((made) => made instanceof Promise);
        return waits.length > 0 ? Promise.all(waits) : undefined;
      },
      onRecord: async (record) => {
        await listeners.record(record);
        await control.onRecord?.(record);
      },
    });
  }

  /** Shape of one sample, and the class count: 0 if the targets are not class numbers. */
  get sample(): readonly number[] {
    return this.parts.train.shape;
  }
  /** Class count. */
  get classes(): number {
    return this.parts.train.classes.length;
  }

  /** Return the counters at a position; null if the run is elsewhere by now. */
  private async countersAt({ step, batch }: RunPosition): Promise<CounterState | null> {
    const now = this.loop?.position ?? this.position;
    if (now.step !== step || now.batch !== batch) return null;
    return (this.loop ? await this.loop.snapshot() : this.saved?.counters) ?? null;
  }

  /** Seconds of the epoch in progress so far. */
  get epochSeconds(): number {
    return this.loop?.epochSeconds ?? this.saved?.epochSeconds ?? 0;
  }

  /**
   * Return the bytes of a checkpoint at a position that `fit` reported; by default, where it stopped. `host`: state of the host, as
   * JSON; the seconds of the epoch are added to it. Without it the same run gives the same bytes.
   */
  async save(position: RunPosition = this.position, host?: Readonly<Record<string, unknown>>): Promise<Uint8Array> {
    return joinParts(await this.saveParts(position, host));
  }

  /** The same as the parts of a file, which may be larger than one array. */
  async saveParts(position: RunPosition, host?: Readonly<Record<string, unknown>>): Promise<FileParts> {
    this.expectLive("save");
    const { epochSeconds, bestAccuracy, bestScore, savedConfig: config } = this;
    const counters = await this.countersAt(position);
    const { seed } = this.parts.config;
    const best = { bestAccuracy, bestScore };
    const state = { position, ...best, counters, seed, config, host: host && { ...host, epochSeconds } };
    return sessionParts(this.saveable, state);
  }

  private get saveable(): Saveable {
    const { masks, shrunk } = this.parts;
    const reshape = (apply: () => void) => changeShapes(this.parts, this.recalibration, apply);
    return { model: this.model, optimizer: this.optimizer, method: this.method, masks, shrunk, reshape };
  }

  /**
   * Load a checkpoint, to continue from its position. Returns its progress record.
   *
   * Errors   CheckpointError if it does not fit the model, the optimiser, or the epoch length of this session: positions in
   *          batches of another size do not carry over.
   */
  load(file: CheckpointFile, name: string): LoadedCheckpoint {
    this.expectLive("load");
    const { loaded, saved } = restoreSession(this.saveable, file, name, this.stepsPerEpoch);
    const { step, epoch, batch, bestAccuracy, bestScore } = loaded;
    this.position = { step, epoch, batch };
    this.bestAccuracy = bestAccuracy;
    this.bestScore = bestScore ?? (this.score.metric === "accuracy" && bestAccuracy > 0 ? bestAccuracy : null);
    this.saved = saved;
    this.resumed = true;
    this.optimizer.setPhase(this.method.phase(step));
    return loaded;
  }

  /**
   * Return the weights as evaluation reads them, and all other state, by name, for export and reports; what `prune.compact` removed is
   * zero. Waits for the GPU. Errors: NonFiniteError if one holds NaN or infinity.
   */
  async weights(): Promise<StateDict> {
    this.expectLive("weights");
    const state = await this.ownWeights();
    return this.parts.shrunk?.expanded(state) ?? state;
  }

  /** Return the same in the shapes of the model. */
  private async ownWeights(): Promise<StateDict> {
    const state = await this.optimizer.hardened(() => this.model.stateDict());
    expectFinite("the model's weights", state);
    return state;
  }

  /** Count the zeros of each prunable layer, from the weights. */
  async layers(): Promise<LayerSparsity[]> {
    this.expectLive("layers");
    const { config, shrunk } = this.parts;
    const rows = layersOf(this.model, await this.ownWeights(), config.prune.group);
    return shrunk ? rows.map((row) => shrunk.row(row)) : rows;
  }

  private expectLive(name: string): void {
    if (this.isDisposed) throw new DisposedError(`Session.${name}: the session was disposed`);
  }

  /** Free the model, the optimizer and the captured steps, and close the loggers. */
  dispose(): void {
    this.isDisposed = true;
    this.parts.listeners.close().catch((error: unknown) => {
      warnOnce(this, "logger", `Session: a logger could not be closed: ${String(error)}`);
    });
    this.method.dispose?.();
    this.step.dispose();
    this.parts.evaluator?.dispose();
    this.recalibration.dispose();
    this.parts.kernels?.dispose();
    this.optimizer.dispose();
    this.model.dispose();
  }
}
