// Parameters that share options: their arenas and the numbers of the step.
import { OpError } from "../gpu/index.ts";
import type { Parameter } from "../nn/parameter.ts";
import { LearnedThresholds } from "./learned_thresholds.ts";
import { type ArenaChunk, buildArena, HEADER } from "./param_arena.ts";
import { checkValues, type GroupSettings, PHASES, type Phase, type StepValues } from "./sgd_options.ts";

export class Group {
  readonly chunks: ArenaChunk[];
  readonly options: GroupSettings;
  /** What moves the thresholds of `str` and `ltp`, one for each chunk; else empty. */
  readonly learned: LearnedThresholds[];
  /** Whether a threshold, 0 included, was ever set. */
  thresholdGiven = false;
  /** Changed by `SGD.setPhase` and `SGD.bake`. */
  phase: Phase = "prune";
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
      latent: mode === "latent" || mode === "fista" || mode === "str" || mode === "ltp",
      momentum: momentum > 0 && mode !== "fista",
    });
    Object.assign(this.values, { lr, momentum, weightDecay });
    this.learned = mode === "str" || mode === "ltp" ? this.chunks.map((c) => new LearnedThresholds(c, options)) : [];
  }

  /** Merges this step's values. Throws OpError when the thresholds are not 0 <= now <= next. */
  merge(values: StepValues): void {
    checkValues(values);
    const v = this.values;
    Object.assign(v, values);
    for (const key of ["lr", "momentum", "weightDecay"] as const)
      if (!Number.isFinite(v[key])) throw new OpError("SGD", `expected ${key} to be a finite number, got ${v[key]}`);
    const { threshold, thresholdNext, tau } = values;
    if (threshold !== undefined || thresholdNext !== undefined || tau !== undefined) this.thresholdGiven = true;
    if (values.tau === undefined && (values.threshold !== undefined || values.thresholdNext !== undefined)) {
      v.tau = v.thresholdNext - v.threshold;
    }
    if (!(v.threshold >= 0 && v.thresholdNext >= 0 && v.tau >= 0)) {
      throw new OpError("SGD", `thresholds want 0 <= now <= next, was given ${v.threshold} and ${v.thresholdNext}`);
    }
  }

  /** Uploads the numbers of the step; shaders/lib/effective_weight.wgsl names them. */
  write(step: number): void {
    const { values: v, options } = this;
    const scale = step === 0 ? 1 : 1 - options.dampening;
    const header = new Float32Array(HEADER);
    header.set([v.lr, v.threshold, v.thresholdNext, v.tau, scale, v.momentum, v.weightDecay, PHASES[this.phase]]);
    const { str, ltp, mode, lr } = options;
    if (mode === "str") {
      // s moves with the learning rate of the weights, which the schedule sets.
      header.set([v.lr, str.decay, v.momentum], 8);
      header[14] = options.nesterov ? 1 : 0;
    } else if (mode === "ltp") {
      // tau follows the schedule of the weights' learning rate too, so that thresholds come to rest with them.
      const share = lr > 0 ? v.lr / lr : 1;
      const weights = this.chunks.flatMap((c) => c.params).reduce((n, p) => n + p.numel, 0);
      header.set([ltp.lr * share, 0, 0, ltp.clip, ltp.l0 / weights, ltp.temperature], 8);
    }
    new Uint32Array(header.buffer)[15] = step;
    for (const chunk of this.chunks) chunk.writeHeader(header);
  }

  dispose(): void {
    for (const learned of this.learned) learned.dispose();
    for (const chunk of this.chunks) chunk.dispose();
  }
}
