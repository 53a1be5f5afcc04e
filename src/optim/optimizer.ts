// The frame of all optimisers: groups, arenas, phases, counts and the fused update, one dispatch per group and arena chunk.
import applyWgsl from "../../shaders/apply_threshold.wgsl";
import { type Bindable, currentGpu, groups1d, kernel, OpError } from "../gpu/index.ts";
import type { Parameter } from "../nn/parameter.ts";
import {
  afterRun,
  fillZero,
  isRehearsing,
  type Part,
  partOf,
  persistent,
  readAll,
  stretch,
  type Tensor,
} from "../tensor/index.ts";
import { CLEAR_GUARD, type GradientScale } from "./gradient_scale.ts";
import { Group } from "./group.ts";
import type { GroupRule } from "./group_rule.ts";
import type { LearnedThreshold } from "./learned_thresholds.ts";
import type {
  CommonSettings,
  OptimizerGroup,
  OptimizerOptions,
  PruningPhase,
  StepValues,
} from "./optimizer_options.ts";
import type { ArenaChunk } from "./param_arena.ts";
import { countsOf, type ParameterCounts } from "./parameter_counts.ts";
import { warnOfStep, warnOfTakeover } from "./step_warnings.ts";

const applyKernel = kernel("apply_threshold", applyWgsl);
/** Task of the apply kernel: weights as training reads them, LTP's weights as evaluation reads them, or the end of pruning. */
type Task = "soft" | "hard" | "bake";

/** Return the constants that all kernels of a chunk have. */
const variant = ({ velocity, weight }: ArenaChunk) => ({ MOMENTUM: velocity !== null, STORES_WEIGHT: weight !== null });

/** Name, checks and rule of an optimiser, for the frame. */
interface OptimizerParts {
  /** Name of the class, for messages. */
  readonly name: string;
  /** Check the options of all groups. Throws OpError. */
  check(groups: readonly Partial<OptimizerOptions>[]): void;
  /** Make the rule of a group from its own options. */
  rule(own: Partial<OptimizerOptions>): GroupRule;
}

/**
 * Base class of `SGD`, `Adam`, `AdamW` and `RMSProp`: groups of parameters, soft thresholds, phases, counts, and the fused update in
 * one dispatch per group. Its methods throw OpError, with the name of the class.
 */
export abstract class Optimizer {
  /** Name of the class, for messages. */
  readonly name: string;
  /** @internal */
  readonly groups: readonly Group[];
  private done = 0;
  private fault: Error | null = null;
  /**
   * @internal [4] u32, see loss_scale_check.wgsl. Any value but 0xffffffff at [0] freezes the weights (train/meter.ts sets it after a
   * loss that is not finite).
   */
  readonly guard: Tensor;
  private gradientScale: GradientScale | null = null;

  /** @internal Take over the parameters' memory: they become slices of the optimiser's arenas. */
  protected constructor(
    params: readonly Parameter[] | readonly OptimizerGroup<OptimizerOptions>[],
    { name, check, rule }: OptimizerParts,
  ) {
    this.name = name;
    type Own = OptimizerGroup<OptimizerOptions>;
    const isGroup = (p: Parameter | Own): p is Own => "params" in p;
    const list = params as readonly (Parameter | Own)[];
    if (!Array.isArray(params)) throw this.refuse("expected an array of parameters, such as model.parameters()");
    if (list.length === 0) throw this.refuse("expected at least one parameter, got an empty list");
    const groups: Own[] = list.every(isGroup) ? (list as Own[]) : [{ params: list as readonly Parameter[] }];
    const all = groups.flatMap((g) => g.params);
    warnOfTakeover(name, all);
    if (new Set(all).size !== all.length)
      throw this.refuse("expected each parameter in one group, got one of them twice");
    check(groups.map(({ params: _, ...own }) => own));
    this.groups = groups.map(({ params: members, ...own }) => new Group(name, members, rule(own)));
    this.guard = persistent(CLEAR_GUARD, [4]);
    this.stepsDone = 0;
    this.refresh();
  }

  private refuse(problem: string): OpError {
    return new OpError(this.name, problem);
  }

  /** @internal Scale of the loss; null if gradients are not scaled. */
  get scale(): GradientScale | null {
    return this.gradientScale;
  }

  /** @internal Skip steps whose gradients overflow, and divide by the scale. `LossScale` calls it. */
  attachScale(scale: GradientScale): void {
    if (this.gradientScale) throw new OpError("LossScale", "expected an optimizer without a loss scale, got one with");
    this.gradientScale = scale;
  }

  /** @internal Chunks of all groups. */
  get chunks(): ArenaChunk[] {
    return this.groups.flatMap((g) => g.chunks);
  }

  /**
   * Number of steps done, which `step()` counts, also in replays of a captured step. The schedules of the groups follow it; 0: the
   * next step is the first, which ignores dampening. Set it to continue a run. Throws OpError unless it is an integer >= 0.
   */
  get stepsDone(): number {
    return this.done;
  }
  set stepsDone(steps: number) {
    if (!Number.isSafeInteger(steps) || steps < 0)
      throw this.refuse(`stepsDone: expected an integer >= 0, got ${steps}`);
    this.done = steps;
    this.fault = null;
    for (const group of this.groups) {
      group.moveTo(steps);
      group.write(steps);
    }
  }

  /** Count a step. A schedule that ends with the run gives no numbers for the step after it: that step throws, if it comes. */
  private advance(): void {
    try {
      this.stepsDone = this.done + 1;
    } catch (error) {
      this.fault = error as Error;
    }
  }

  /** Throw the error of a schedule that gave no numbers for the next step. */
  private expectNumbers(): void {
    if (this.fault) throw this.fault;
  }

  /**
   * Set the numbers of the next step, for all groups or for one. Call it outside a captured step, before the step runs. Throws
   * OpError for a number that the group has a schedule for.
   */
  set(values: StepValues, group?: number): void {
    this.groups.forEach((g, i) => {
      if (group !== undefined && group !== i) return;
      g.merge(values);
      g.write(this.stepsDone);
    });
  }

  /**
   * Enqueue the update, and count it: afterwards the learning rates and thresholds are those of the next step. A parameter without a gradient since the last step counts as having a zero gradient; this is warned of
   * once, as is a threshold that was never set. Throws OpError if gradients arrived for parameters that no module lists and no
   * optimizer holds: they would never be trained.
   */
  step(): void {
    this.expectNumbers();
    warnOfStep(this, this.groups);
    for (const p of this.chunks.flatMap((c) => c.params)) {
      if (!p.gradArrived && p.grad) fillZero(p.grad);
      p.gradArrived = false;
    }
    // Before the first group moves: an overflow in one of them skips all.
    this.gradientScale?.check(this);
    for (const group of this.groups) {
      group.chunks.forEach((chunk, k) => {
        group.learned[k]?.step(this.guard, "step", this.gradientScale !== null);
        if (this.gradientScale) group.rule.correct?.(chunk, this.gradientScale);
        this.update(chunk, group.rule);
      });
    }
    this.gradientScale?.advance(this.guard);
    if (isRehearsing()) return;
    const steps = afterRun(
      this,
      () => this.advance(),
      () => this.expectNumbers(),
    );
    const moves = this.groups.some(({ options: { schedules } }) => schedules.lr ?? schedules.threshold);
    if (steps > 1 && moves)
      throw this.refuse("expected one step of an optimizer with schedules in a captured step, got two");
  }

  /** `applies`: no step, only the weights from the stored ones. */
  private update(chunk: ArenaChunk, { kernel: rule, spec, settings }: GroupRule, applies = false): void {
    const { gradient, tally, layers, velocity, weight, moments } = chunk;
    if (!applies) fillZero(stretch(tally, 0, layers));
    // A CPU has no latency to hide and few registers.
    const held = currentGpu().adapter.software ? 1 : 4;
    for (const part of chunk.parts) {
      const state = moments ? { velocity: partOf(moments, part) } : {};
      const dispatch = {
        bind: {
          ...this.stored(chunk, part),
          ...state,
          gradient: partOf(gradient, part),
          counts: tally,
          guard: this.guard,
        },
        params: { segments: part.rows, layers },
        spec: {
          MOMENTUM: velocity !== null || moments !== null,
          STORES_WEIGHT: weight !== null,
          SCALED: this.gradientScale !== null,
          HELD: held,
          DECAY_EFFECTIVE: settings.decayTarget === "effective",
          ...spec,
          ...(applies ? { APPLIES: true } : {}),
        },
        grid: groups1d(part.rows),
      };
      rule.run(dispatch, chunk);
    }
  }

  private apply(chunk: ArenaChunk, { mode }: CommonSettings, task: Task): void {
    for (const part of chunk.parts) {
      applyKernel.run({
        bind: this.stored(chunk, part),
        params: { segments: part.rows, hard: Number(task === "hard"), bake: Number(task === "bake") },
        spec: { ...variant(chunk), LTP: mode === "ltp", FISTA: mode === "fista" },
        grid: groups1d(part.rows),
      });
    }
  }

  /** Return the bindings that both kernels have for a part of a chunk. */
  private stored({ theta, weight, velocity, segmentTable, hyper }: ArenaChunk, part: Part): Record<string, Bindable> {
    return {
      latent: partOf(theta, part),
      weight: weight ? partOf(weight, part) : this.dummy(1),
      velocity: velocity ? partOf(velocity, part) : this.dummy(0),
      segment: partOf(segmentTable, part),
      hyper,
    };
  }

  /**
   * Enqueue: recompute learned thresholds and effective weights from the stored weights. Call it after loading weights into a
   * group of mode `str` or `ltp`; other modes do not need it.
   */
  refresh(): void {
    for (const g of this.groups) this.refreshGroup(g);
  }

  private refreshGroup({ chunks, learned, options, rule }: Group): void {
    learned.forEach((l, k) => {
      l.step(this.guard, "rest");
      if (rule.appliesLearned) this.update(chunks[k]!, rule, true);
      else this.apply(chunks[k]!, options, "soft");
    });
  }

  /** @internal Enqueue: switch LTP's weights to those of evaluation (hard mask) until `soften`. Other modes always use those. */
  harden(): void {
    this.applyLtp("hard");
  }

  /** @internal Enqueue: switch LTP's weights back to those of training. */
  soften(): void {
    this.applyLtp("soft");
  }

  /** @internal Run `work`, which enqueues, with LTP's weights as evaluation reads them. Its result may be a promise of values. */
  hardened<T>(work: () => T): T {
    this.harden();
    try {
      return work();
    } finally {
      this.soften();
    }
  }

  private applyLtp(task: Task): void {
    for (const { chunks, options, phase } of this.groups) {
      if (options.mode === "ltp" && phase === "prune") for (const c of chunks) this.apply(c, options, task);
    }
  }

  /** Set the phase of the groups with a threshold from the next step on. Use `bake` to end pruning. */
  setPhase(phase: PruningPhase): void {
    for (const g of this.groups) {
      if (g.options.mode === "none" || g.phase === phase) continue;
      const wasDense = g.phase === "dense";
      g.phase = phase;
      g.write(this.stepsDone);
      if (g.learned.length === 0) continue;
      if (phase === "dense") for (const c of g.chunks) this.apply(c, g.options, "soft");
      if (phase === "prune" && wasDense) this.refreshGroup(g);
    }
  }

  /**
   * Enqueue the end of pruning: the effective weights become the stored ones, the momentum of zeros is cleared, and zeros stay
   * zero from now on (phase `mask`). The next forward pass reads the same bits as the last one (LTP: as evaluation).
   */
  bake(): void {
    this.harden();
    for (const { chunks, options } of this.groups) {
      if (options.mode !== "none") for (const c of chunks) this.apply(c, options, "bake");
    }
    this.setPhase("mask");
  }

  /** Clear the record of a loss or an update that was not finite, after good weights were loaded. */
  clearFaults(): void {
    this.guard.set(CLEAR_GUARD);
    for (const { tally, layers } of this.chunks) fillZero(stretch(tally, 3 * layers, layers));
  }

  /** Clear momentum, moments, counts and the number of steps done. */
  reset(): void {
    for (const { velocity, moments, tally } of this.chunks) {
      for (const t of [velocity, moments, tally]) if (t) fillZero(t);
    }
    this.gradientScale?.forgetSkipped();
    this.stepsDone = 0;
  }

  private readonly dummies: Tensor[] = [];
  // WebGPU requires every declared binding to be bound, and writable ones must not share memory.
  private dummy(k: number): Tensor {
    this.dummies[k] ??= persistent(new Float32Array(4), [4]);
    return this.dummies[k] as Tensor;
  }

  /** Discard gradients that arrived since the last step. */
  zeroGrad(): void {
    for (const c of this.chunks) for (const p of c.params) p.gradArrived = false;
  }

  /** Read the counts of the last update. Waits for the GPU. */
  async counts(): Promise<ParameterCounts[]> {
    return countsOf(this.chunks, await readAll(...this.chunks.map((c) => c.tally)));
  }

  /** @internal Read the factor from the gradients of the latest step to those of the loss; null after an overflow. Waits for the GPU. */
  async gradientFactor(): Promise<number | null> {
    if (!this.gradientScale) return 1;
    const guard = await this.guard.data();
    return guard[3] === 0 ? new Float32Array(guard.buffer)[2]! : null;
  }

  /** Read the learned thresholds in force, by parameter. Waits for the GPU. */
  async learnedThresholds(): Promise<Map<Parameter, LearnedThreshold>> {
    const pairs = this.groups.flatMap(({ chunks, learned }) => learned.map((l, k) => [chunks[k]!, l] as const));
    const values = await readAll(...pairs.map(([chunk]) => chunk.hyper));
    return new Map(
      pairs.flatMap(([chunk, learned], i) => {
        const picked = learned.pick(values[i] as Float32Array);
        return chunk.params.map((p, layer) => [p, picked[layer]!] as const);
      }),
    );
  }

  /** Return the momentum of a parameter, or null if its group has none. Adaptive optimisers keep theirs with the other moments. */
  velocityOf(param: Parameter): Tensor | null {
    const [chunk, i] = this.placeOf(param);
    return chunk.velocity ? chunk.slice(chunk.velocity, i, param.shape) : null;
  }

  /**
   * @internal Return the moments of a parameter, or null if its group has none: [segments, moments, 1024] f32, the last segment
   * padded with zeros.
   */
  momentsOf(param: Parameter): Tensor | null {
    const [chunk, i] = this.placeOf(param);
    return chunk.momentsOf(i);
  }

  private placeOf(param: Parameter): [ArenaChunk, number] {
    for (const c of this.chunks) {
      const i = c.params.indexOf(param);
      if (i >= 0) return [c, i];
    }
    throw new OpError(this.name, "expected a parameter of this optimizer, got another's", { param });
  }

  /** Free the optimiser's memory. Parameters keep their values, without gradients. */
  dispose(): void {
    for (const g of this.groups) g.dispose();
    this.guard.dispose();
    this.gradientScale?.dispose();
    for (const t of this.dummies) t?.dispose();
  }
}
