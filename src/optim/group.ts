// A group of parameters with the same options: its arenas and the numbers of the step.
import { OpError } from "../gpu/index.ts";
import type { Parameter } from "../nn/parameter.ts";
import { HYPER, phaseNumber } from "./hyper.ts";
import { learnedParts } from "./learned_parts.ts";
import type { LearnedThresholds } from "./learned_thresholds.ts";
import { type ArenaChunk, buildArena } from "./param_arena.ts";
import {
  checkUnscheduled,
  checkValues,
  type GroupSettings,
  isLearned,
  type PruningPhase,
  type StepValues,
} from "./sgd_options.ts";

export class Group {
  readonly chunks: ArenaChunk[];
  readonly options: GroupSettings;
  /** Learned thresholds of `str` and `ltp`, one object per chunk; empty in other modes. */
  readonly learned: LearnedThresholds[];
  /** True once a threshold was set, also if it is 0. */
  thresholdGiven = false;
  /** Changed by `SGD.setPhase` and `SGD.bake`. */
  phase: PruningPhase = "prune";
  readonly values: { -readonly [K in keyof StepValues]-?: number } = {
    lr: 0,
    momentum: 0,
    weightDecay: 0,
    threshold: 0,
    thresholdNext: 0,
    tau: 0,
  };

  constructor(params: readonly Parameter[], options: GroupSettings) {
    this.options = options;
    const { lr, momentum, weightDecay, mode } = options;
    this.chunks = buildArena(params, {
      latent: mode === "latent" || mode === "fista" || isLearned(mode),
      momentum: momentum > 0 && mode !== "fista",
    });
    Object.assign(this.values, { lr, momentum, weightDecay });
    this.learned = isLearned(mode) ? this.chunks.map((c) => learnedParts(mode).make(c, options)) : [];
  }

  /** Merge the values of a step. Throws OpError for values that are not finite or have a schedule, or thresholds that fall in mode `inplace` or `fista`. */
  merge(values: StepValues): void {
    checkValues(values);
    checkUnscheduled(values, this.options.schedules);
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
      if (!Number.isFinite(v[key])) throw new OpError("SGD", `${key}: expected a finite number, got ${v[key]}`);
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
      throw new OpError("SGD", `expected ${expected}, got ${v.threshold} and ${v.thresholdNext}`);
    }
  }

  /** Upload the numbers of the step. */
  write(step: number): void {
    const { values: v, options } = this;
    const words = new Uint32Array(HYPER.bytes / 4);
    HYPER.write(words, {
      lr: v.lr,
      threshold_now: v.threshold,
      threshold_next: v.thresholdNext,
      tau: v.tau,
      gradient_scale: step === 0 ? 1 : 1 - options.dampening,
      momentum: v.momentum,
      weight_decay: v.weightDecay,
      phase: phaseNumber(this.phase),
      step,
    });
    HYPER.write(words, this.learnedNumbers());
    for (const chunk of this.chunks) chunk.writeHeader(words);
  }

  /** Return what moves learned thresholds in a step, and the L1 coefficient of latent weights. */
  private learnedNumbers(): Readonly<Record<string, number>> {
    const { values: v, options } = this;
    const { str, ltp, mode, lr, nesterov, shrink } = options;
    if (mode === "latent") return { l0: shrink };
    // s moves with the learning rate of the weights, which the schedule sets.
    if (mode === "str")
      return { raw_lr: v.lr, raw_decay: str.decay, raw_momentum: v.momentum, raw_nesterov: Number(nesterov) };
    if (mode !== "ltp") return {};
    // tau follows the schedule of the weights' learning rate too, so that thresholds stop moving with the weights.
    const share = lr > 0 ? v.lr / lr : 1;
    const weights = this.chunks.flatMap((c) => c.params).reduce((n, p) => n + p.numel, 0);
    return { raw_lr: ltp.lr * share, raw_clip: ltp.clip, l0: ltp.l0 / weights, temperature: ltp.temperature };
  }

  dispose(): void {
    for (const learned of this.learned) learned.dispose();
    for (const chunk of this.chunks) chunk.dispose();
  }
}
