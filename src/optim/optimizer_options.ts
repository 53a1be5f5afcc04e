// Options that all optimisers have: for all parameters, for a group, and for each step.
import { OpError } from "../gpu/index.ts";
import type { Parameter } from "../nn/parameter.ts";
import { expectKeys, type KeysOf, kindOf, valueText } from "../text/index.ts";
import type { WeightGroupName } from "./weight_groups.ts";

/**
 * Rule of a group. The forward pass reads W; theta is stored.
 * - `latent`: theta is updated with the gradient of W = S(theta, d), straight through; pruned weights may regrow (LATS, STDS).
 * - `inplace`: only W is stored; each step ends with S(W, d_next - d), which is proximal SGD (ISTA). Adaptive optimisers divide
 *   d_next - d by the divisor of each weight's step.
 * - `fista`: as `inplace`, with Nesterov's extrapolation between the steps; `momentum` is its share. SGD only.
 * - `str`: W = S(theta, sigmoid(s)) with a learned s for each layer; pruned weights get no gradient (STR). SGD only.
 * - `ltp`: W = theta · sigmoid((theta² - tau) / T) with a learned tau for each layer (LTP). SGD only.
 * - `none`: no threshold.
 *
 * Groups of `str` and `ltp` come from `pruningGroups`, which loads learned thresholds.
 */
export type ThresholdMode = "latent" | "inplace" | "fista" | "str" | "ltp" | "none";
const MODES: readonly ThresholdMode[] = ["latent", "inplace", "fista", "str", "ltp", "none"];

/** Return true for the modes whose thresholds are set for each step. */
const hasThreshold = (mode: ThresholdMode): boolean => mode === "latent" || mode === "inplace" || mode === "fista";

/**
 * Phase of a group.
 * - `prune`: the rule of its mode acts.
 * - `mask`: zeros stay zero, the other weights are trained.
 * - `dense`: the forward pass reads the stored weights, learned thresholds do not move.
 */
export type PruningPhase = "prune" | "mask" | "dense";

/** A number of each step: a function of the steps done, 0 for the first step. */
export type StepFunction = (step: number) => number;

/** A threshold of each step. */
export interface ThresholdCurve {
  /** Threshold in force after n steps, in units of the weights. */
  at(n: number): number;
  /** Increment of step n. Default: at(n + 1) - at(n) in float64. */
  increment?(n: number): number;
}

/** Options that all optimisers have. */
export interface OptimizerOptions {
  /** Learning rate; or a function of the steps done, which `step()` follows. */
  readonly lr: number | StepFunction;
  /**
   * Threshold of mode `latent`, `inplace` or `fista`, in units of the weights: a constant, a function of the steps done, or a
   * schedule of `makeThresholdSchedule`. It may fall in mode `latent` only. `step()` moves it: step n runs under at(n), then the threshold
   * becomes at(n + 1). Default: `set` gives the thresholds of each step.
   */
  readonly threshold?: number | StepFunction | ThresholdCurve;
  /** Weight decay, as PyTorch's optimiser of the same name has it. Default 0; AdamW: 0.01. */
  readonly weightDecay?: number;
  readonly mode?: ThresholdMode;
  /** Weights that decay acts on: theta (default for `latent`) or W (default for `inplace` and `fista`). */
  readonly decayTarget?: "latent" | "effective";
  /**
   * Mode `latent`: gradient of theta. `straight-through` (default): that of w; `true`: that of S(theta, d), 0 where w is 0, so that
   * only decay and momentum move pruned weights.
   */
  readonly gradient?: "straight-through" | "true";
  /**
   * Mode `latent`: L1 coefficient of theta, which each step moves by lr · shrink towards 0 (Grad R). Adaptive optimisers stop at 0, as
   * in the published code. Default 0.
   */
  readonly shrink?: number;
  /**
   * Groups of weights that the threshold keeps or prunes together, in mode `latent`, and of SGD in `inplace` and `str`.
   * `pruningGroups` loads them.
   */
  readonly group?: WeightGroupName;
  /** Share of the threshold that acts on groups, from 0 to 1; the rest acts on each weight before. Default 1. */
  readonly groupShare?: number;
}

/** Parameters with options that differ from those of the optimiser. */
export type OptimizerGroup<Options> = Partial<Options> & { readonly params: readonly Parameter[] };

/** Values that may change from step to step. They are in a GPU buffer, so a replayed step reads the new ones. */
export interface StepValues {
  readonly lr?: number;
  /** In mode `fista`: share of the last move to extrapolate by. Adam has none. */
  readonly momentum?: number;
  readonly weightDecay?: number;
  /** Threshold in force during the forward pass of this step. */
  readonly threshold?: number;
  /** Threshold after this step's update. */
  readonly thresholdNext?: number;
  /** Shrinkage of `inplace` and `fista`. Default: thresholdNext - threshold in float64. */
  readonly tau?: number;
}

export const COMMON_KEYS: KeysOf<OptimizerOptions> = {
  lr: true,
  threshold: true,
  weightDecay: true,
  mode: true,
  decayTarget: true,
  gradient: true,
  shrink: true,
  group: true,
  groupShare: true,
};
const VALUE_KEYS: KeysOf<StepValues> = {
  lr: true,
  momentum: true,
  weightDecay: true,
  threshold: true,
  thresholdNext: true,
  tau: true,
};

/** Refuse unknown options, and a threshold that no group reads. Throws OpError naming the option. */
export function checkKeys<Options extends OptimizerOptions>(
  name: string,
  all: Options,
  groups: readonly Partial<OptimizerOptions>[],
  keys: KeysOf<Options>,
): void {
  const refuse = (problem: string) => new OpError(name, problem);
  for (const options of [all, ...groups]) expectKeys(options, keys, refuse);
  const modeOf = (own: Partial<OptimizerOptions>) => own.mode ?? all.mode ?? "none";
  const idle = groups.find((own) => own.threshold !== undefined && !hasThreshold(modeOf(own)));
  if (idle || (all.threshold !== undefined && !groups.some((own) => hasThreshold(modeOf(own))))) {
    const where = idle ? `in a group of mode ${modeOf(idle)}` : `without a group of these modes`;
    throw refuse(`threshold: expected nothing ${where}, since it is for modes latent, inplace and fista`);
  }
  for (const key of ["gradient", "shrink"] as const) {
    const idle = groups.find((own) => own[key] !== undefined && modeOf(own) !== "latent");
    if (!idle && (all[key] === undefined || groups.some((own) => modeOf(own) === "latent"))) continue;
    const where = idle ? `in a group of mode ${modeOf(idle)}` : "without a group of this mode";
    throw refuse(`${key}: expected nothing ${where}, since it is for mode latent`);
  }
}

/** Refuse unknown values of a step. Throws OpError naming the value. */
export function checkValues(values: StepValues, name = "SGD"): void {
  expectKeys(values, VALUE_KEYS, (problem) => new OpError(name, problem));
}

/** Numbers of a group that move with the steps; null if `set` gives them. */
export interface GroupSchedules {
  readonly lr: StepFunction | null;
  readonly threshold: ThresholdCurve | null;
}

/** Settings of a group that all optimisers have. */
export interface CommonSettings {
  /** Learning rate, or that of step 0 if it is scheduled. */
  readonly lr: number;
  /** 0 for an optimiser without momentum, such as Adam. */
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
  readonly mode: ThresholdMode;
  readonly decayTarget: "latent" | "effective";
  readonly gradient: "straight-through" | "true";
  readonly shrink: number;
  /** SGD: numbers of mode `str`. */
  readonly str?: { readonly [K in "start" | "decay"]: number };
  /** SGD: numbers of mode `ltp`. */
  readonly ltp?: { readonly [K in "l0" | "temperature" | "lr" | "clip"]: number };
  /** Groups of weights that the threshold keeps or prunes together. */
  readonly group?: WeightGroupName | undefined;
  readonly groupShare?: number | undefined;
  readonly schedules: GroupSchedules;
}

/** Merge the common options of a group: its own, then the optimiser's, then defaults. Throws OpError naming a bad option. */
export function commonSettings(
  name: string,
  { lr: rate, threshold, momentum = 0, nesterov = false, weightDecay = 0, mode = "none", ...options }: MergedOptions,
): CommonSettings {
  const settings: CommonSettings = {
    momentum,
    nesterov,
    weightDecay,
    mode,
    gradient: options.gradient ?? "straight-through",
    shrink: options.shrink ?? 0,
    group: options.group,
    groupShare: options.groupShare,
    decayTarget: options.decayTarget ?? (mode === "inplace" || mode === "fista" ? "effective" : "latent"),
    lr: typeof rate === "function" ? rate(0) : rate,
    schedules: {
      lr: typeof rate === "function" ? rate : null,
      threshold: threshold !== undefined && hasThreshold(mode) ? curveOf(name, threshold) : null,
    },
  };
  const { atLeast0, fail } = numberChecks(name);
  atLeast0("lr", settings.lr);
  if (!(momentum >= 0 && momentum < 1)) fail("momentum", "a number in [0, 1)", momentum);
  atLeast0("weightDecay", weightDecay);
  if (settings.gradient !== "straight-through" && settings.gradient !== "true")
    fail("gradient", "straight-through or true", settings.gradient);
  atLeast0("shrink", settings.shrink);
  if (!MODES.includes(mode)) fail("mode", `one of ${MODES.join(", ")}`, mode);
  return settings;
}
type MergedOptions = OptimizerOptions & { readonly momentum?: number; readonly nesterov?: boolean };

/** Return checks of an optimiser's numbers, which throw OpError. */
export function numberChecks(name: string) {
  const fail = (what: string, expected: string, got: unknown): never => {
    throw new OpError(name, `${what}: expected ${expected}, got ${valueText(got)}`);
  };
  return {
    fail,
    atLeast0: (what: string, value: number) => {
      if (!(value >= 0 && Number.isFinite(value))) fail(what, "a number >= 0", value);
    },
    above0: (what: string, value: number) => {
      if (!(value > 0 && Number.isFinite(value))) fail(what, "a number > 0", value);
    },
  };
}

/** Return the constants of kernels for mode latent. */
export const latentSpec = ({ mode, gradient, shrink }: CommonSettings): Readonly<Record<string, boolean>> =>
  mode === "latent" ? { TRUE_GRADIENT: gradient === "true", SHRINKS: shrink > 0 } : {};

/** Return a threshold as a curve. Throws OpError for another kind of value. */
function curveOf(name: string, threshold: number | StepFunction | ThresholdCurve): ThresholdCurve {
  if (typeof threshold === "number") return { at: () => threshold };
  if (typeof threshold === "function") return { at: threshold };
  if (typeof threshold !== "object" || typeof threshold?.at !== "function")
    throw new OpError(name, `threshold: expected a number, a function or a schedule, got ${kindOf(threshold)}`);
  return threshold;
}

/** Refuse a value of a step that a schedule gives. Throws OpError naming the value. */
export function checkUnscheduled(name: string, values: StepValues, { lr, threshold }: GroupSchedules): void {
  const moved = lr ? ["lr"] : [];
  if (threshold) moved.push("threshold", "thresholdNext", "tau");
  const found = moved.find((key) => values[key as keyof StepValues] !== undefined);
  if (found) throw new OpError(name, `${found}: expected nothing, since the optimizer has a schedule for it`);
}
