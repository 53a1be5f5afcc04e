// A group of parameters with the same options: its arenas and the numbers of the step.
import { OpError } from "../gpu/index.ts";
import type { Parameter } from "../nn/parameter.ts";
import type { GroupRule } from "./group_rule.ts";
import { HYPER, phaseNumber } from "./hyper.ts";
import type { LearnedThresholds } from "./learned_thresholds.ts";
import {
  type CommonSettings,
  checkUnscheduled,
  checkValues,
  type PruningPhase,
  type StepValues,
} from "./optimizer_options.ts";
import { type ArenaChunk, buildArena } from "./param_arena.ts";

export class Group {
  readonly chunks: ArenaChunk[];
  readonly rule: GroupRule;
  /** Learned thresholds of `str` and `ltp`, one object per chunk; empty in other modes. */
  readonly learned: LearnedThresholds[];
  /** True once a threshold was set, also if it is 0. */
  thresholdGiven = false;
  /** Changed by `Optimizer.setPhase` and `Optimizer.bake`. */
  phase: PruningPhase = "prune";
  readonly values: { -readonly [K in keyof StepValues]-?: number } = {
    lr: 0,
    momentum: 0,
    weightDecay: 0,
    threshold: 0,
    thresholdNext: 0,
    tau: 0,
  };
  private readonly name: string;

  /** `name`: class of the optimiser, for messages. */
  constructor(name: string, params: readonly Parameter[], rule: GroupRule) {
    this.name = name;
    this.rule = rule;
    const { lr, momentum, weightDecay } = rule.settings;
    this.chunks = buildArena(name, params, rule.buffers);
    Object.assign(this.values, { lr, momentum, weightDecay });
    rule.prepare?.(this.chunks);
    this.learned = rule.learned ? this.chunks.map((c) => rule.learned!(c)) : [];
  }

  get options(): CommonSettings {
    return this.rule.settings;
  }

  /** Merge the values of a step. Throws OpError for values that are not finite or have a schedule, or thresholds that fall in mode `inplace` or `fista`. */
  merge(values: StepValues): void {
    checkValues(values, this.name);
    this.rule.check?.(values);
    checkUnscheduled(this.name, values, this.options.schedules);
    this.take(values);
  }

  /** Take the numbers of step n from the group's schedules. Throws OpError as `merge` does. */
  moveTo(n: number): void {
    const { lr, threshold } = this.options.schedules;
    if (lr) this.take({ lr: lr(n) });
    if (!threshold) return;
    const [now, next] = [threshold.at(n), threshold.at(n + 1)];
    this.take({ threshold: now, thresholdNext: next, tau: threshold.increment?.(n) ?? next - now });
  }

  private take(values: StepValues): void {
    const v = this.values;
    Object.assign(v, values);
    for (const key of ["lr", "momentum", "weightDecay"] as const)
      if (!Number.isFinite(v[key])) throw new OpError(this.name, `${key}: expected a finite number, got ${v[key]}`);
    const { threshold, thresholdNext, tau } = values;
    if (threshold !== undefined || thresholdNext !== undefined || tau !== undefined) this.thresholdGiven = true;
    if (values.tau === undefined && (values.threshold !== undefined || values.thresholdNext !== undefined)) {
      v.tau = v.thresholdNext - v.threshold;
    }
    const { mode } = this.options;
    // Where theta is stored, any threshold gives W. A proximal step shrinks by tau, which has no inverse: zeros have no value to return to.
    const mayFall = mode !== "inplace" && mode !== "fista" && Number.isFinite(v.tau);
    if (!(v.threshold >= 0 && v.thresholdNext >= 0 && (v.tau >= 0 || mayFall))) {
      const expected = mayFall ? "thresholds >= 0" : `0 <= threshold <= thresholdNext in mode ${mode}`;
      throw new OpError(this.name, `expected ${expected}, got ${v.threshold} and ${v.thresholdNext}`);
    }
  }

  /** Upload the numbers of the step. */
  write(step: number): void {
    const { values: v, rule } = this;
    const record = rule.record?.(v, step) ?? new Uint32Array(0);
    const words = new Uint32Array(HYPER.bytes / 4 + record.length);
    HYPER.write(words, {
      lr: v.lr,
      threshold_now: v.threshold,
      threshold_next: v.thresholdNext,
      tau: v.tau,
      weight_decay: v.weightDecay,
      phase: phaseNumber(this.phase),
      step,
      ...rule.numbers(v, step, this.chunks),
    });
    words.set(record, HYPER.bytes / 4);
    for (const chunk of this.chunks) chunk.writeHeader(words);
  }

  dispose(): void {
    this.rule.dispose?.();
    for (const learned of this.learned) learned.dispose();
    for (const chunk of this.chunks) chunk.dispose();
  }
}
