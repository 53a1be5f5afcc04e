// Options of SGD: for all parameters, for a group, and for each step.
import { OpError } from "../gpu/index.ts";
import type { Parameter } from "../nn/parameter.ts";
import { expectKeys, type KeysOf, kindOf, valueText } from "../text/index.ts";

/**
 * Rule of a group. The forward pass reads W; theta is stored.
 * - `latent`: theta is updated with the gradient of W = S(theta, d), straight through; pruned weights may regrow (LATS, STDS).
 * - `inplace`: only W is stored; each step ends with S(W, d_next - d), which is proximal SGD (ISTA).
 * - `fista`: as `inplace`, with Nesterov's extrapolation between the steps; `momentum` is its share.
 * - `str`: W = S(theta, sigmoid(s)) with a learned s for each layer; pruned weights get no gradient (STR).
 * - `ltp`: W = theta · sigmoid((theta² - tau) / T) with a learned tau for each layer (LTP).
 * - `none`: plain SGD.
 *
 * Groups of `str` and `ltp` come from `pruningGroups`, which loads learned thresholds.
 */
export type ThresholdMode = "latent" | "inplace" | "fista" | "str" | "ltp" | "none";
const MODES: readonly ThresholdMode[] = ["latent", "inplace", "fista", "str", "ltp", "none"];

/** Return true for the modes whose thresholds are set for each step. */
const hasThreshold = (mode: ThresholdMode): boolean => mode === "latent" || mode === "inplace" || mode === "fista";

/** Return true for the modes whose thresholds are learned, one for each layer. */
export const isLearned = (mode: ThresholdMode): mode is "str" | "ltp" => mode === "str" || mode === "ltp";

/**
 * Phase of a group.
 * - `prune`: the rule of its mode acts.
 * - `mask`: zeros stay zero, the other weights are trained.
 * - `dense`: the forward pass reads the stored weights, learned thresholds do not move.
 */
export type PruningPhase = "prune" | "mask" | "dense";

/** Options of STR's s. */
export interface StrOptions {
  /** Initial s of every layer; d = sigmoid(s). Default -20. */
  readonly start?: number | undefined;
  /** Weight decay of s, which drives s towards 0 and d towards 1/2. Default: the group's. */
  readonly decay?: number | undefined;
}

/** Options of LTP's tau and T. */
export interface LtpOptimizerOptions {
  /** Loss per remaining weight, times the number of weights of the group. Default 0.05. */
  readonly l0?: number | undefined;
  /** T = temperature · Var |w|. Default 1e-3. */
  readonly temperature?: number | undefined;
  /** Learning rate of tau / Var |w| (no unit). Default 10. */
  readonly lr?: number | undefined;
  /** Largest change of tau in a step, as a share of the larger of tau and Var |w|. Default 0.05. */
  readonly clip?: number | undefined;
}

/** A number of each step: a function of the steps done, 0 for the first step. */
export type StepFunction = (step: number) => number;

/** A threshold of each step. */
export interface ThresholdCurve {
  /** Threshold in force after n steps, in units of the weights. */
  at(n: number): number;
  /** Increment of step n. Default: at(n + 1) - at(n) in float64. */
  increment?(n: number): number;
}

/** Options of `SGD`. */
export interface SGDOptions {
  /** Learning rate; or a function of the steps done, which `step()` follows. */
  readonly lr: number | StepFunction;
  /**
   * Threshold of mode `latent`, `inplace` or `fista`, in units of the weights: a constant, a function of the steps done, or a
   * schedule of `makeThresholdSchedule`. It may fall in mode `latent` only. `step()` moves it: step n runs under at(n), then the threshold
   * becomes at(n + 1). Default: `set` gives the thresholds of each step.
   */
  readonly threshold?: number | StepFunction | ThresholdCurve;
  /** Default 0. */
  readonly momentum?: number;
  /** Momentum takes 1 - dampening of the gradient, from the second step on. Default 0. */
  readonly dampening?: number;
  /** Default false. True needs momentum > 0 and dampening 0. */
  readonly nesterov?: boolean;
  /** L2 coefficient, coupled: added to the gradient. Default 0. */
  readonly weightDecay?: number;
  readonly mode?: ThresholdMode;
  /** Weights that decay acts on: theta (default for `latent`) or W (default for `inplace` and `fista`). */
  readonly decayTarget?: "latent" | "effective";
  /**
   * Mode `latent`: gradient of theta. `straight-through` (default): that of w; `true`: that of S(theta, d), 0 where w is 0, so that
   * only decay and momentum move pruned weights.
   */
  readonly gradient?: "straight-through" | "true";
  /** Mode `latent`: L1 coefficient of theta, which each step moves by lr · shrink towards 0 (Grad R). Default 0. */
  readonly shrink?: number;
  readonly str?: StrOptions;
  readonly ltp?: LtpOptimizerOptions;
}

/** Parameters with options that differ from those of the optimiser. */
export interface ParamGroup extends Partial<SGDOptions> {
  readonly params: readonly Parameter[];
}

/** Values that may change from step to step. They are in a GPU buffer, so a replayed step reads the new ones. */
export interface StepValues {
  readonly lr?: number;
  /** In mode `fista`: share of the last move to extrapolate by. */
  readonly momentum?: number;
  readonly weightDecay?: number;
  /** Threshold in force during the forward pass of this step. */
  readonly threshold?: number;
  /** Threshold after this step's update. */
  readonly thresholdNext?: number;
  /** Shrinkage of `inplace` and `fista`. Default: thresholdNext - threshold in float64. */
  readonly tau?: number;
}

const OPTION_KEYS: KeysOf<SGDOptions> = {
  lr: true,
  threshold: true,
  momentum: true,
  dampening: true,
  nesterov: true,
  weightDecay: true,
  mode: true,
  decayTarget: true,
  gradient: true,
  shrink: true,
  str: true,
  ltp: true,
};
const VALUE_KEYS: KeysOf<StepValues> = {
  lr: true,
  momentum: true,
  weightDecay: true,
  threshold: true,
  thresholdNext: true,
  tau: true,
};
const STR_KEYS: KeysOf<StrOptions> = { start: true, decay: true };
const LTP_KEYS: KeysOf<LtpOptimizerOptions> = { l0: true, temperature: true, lr: true, clip: true };

const refuse = (problem: string) => new OpError("SGD", problem);

/** Refuse unknown options, and options of a mode that no group has. Throws OpError naming the option. */
export function checkOptions(all: SGDOptions, groups: readonly Partial<SGDOptions>[]): void {
  for (const options of [all, ...groups]) {
    expectKeys(options, OPTION_KEYS, refuse);
    expectKeys(options.str ?? {}, STR_KEYS, (problem) => refuse(`str: ${problem}`));
    expectKeys(options.ltp ?? {}, LTP_KEYS, (problem) => refuse(`ltp: ${problem}`));
  }
  const modeOf = (own: Partial<SGDOptions>) => own.mode ?? all.mode ?? "none";
  const idle = groups.find((own) => own.threshold !== undefined && !hasThreshold(modeOf(own)));
  if (idle || (all.threshold !== undefined && !groups.some((own) => hasThreshold(modeOf(own))))) {
    const where = idle ? `in a group of mode ${modeOf(idle)}` : `without a group of these modes`;
    throw refuse(`threshold: expected nothing ${where}, since it is for modes latent, inplace and fista`);
  }
  for (const key of ["gradient", "shrink"] as const) checkLatent(key, all, groups, modeOf);
  for (const mode of ["str", "ltp"] as const) {
    const idle = groups.find((own) => own[mode] !== undefined && modeOf(own) !== mode);
    if (idle)
      throw refuse(`${mode}: expected nothing in a group of mode ${modeOf(idle)}, since it is for mode ${mode}`);
    if (all[mode] !== undefined && !groups.some((own) => modeOf(own) === mode))
      throw refuse(`${mode}: expected nothing, since no group has mode ${mode}`);
  }
}

/** Refuse an option of mode latent without a group of this mode. */
function checkLatent(
  key: "gradient" | "shrink",
  all: SGDOptions,
  groups: readonly Partial<SGDOptions>[],
  modeOf: (own: Partial<SGDOptions>) => ThresholdMode,
): void {
  const idle = groups.find((own) => own[key] !== undefined && modeOf(own) !== "latent");
  if (!idle && (all[key] === undefined || groups.some((own) => modeOf(own) === "latent"))) return;
  const where = idle ? `in a group of mode ${modeOf(idle)}` : "without a group of this mode";
  throw refuse(`${key}: expected nothing ${where}, since it is for mode latent`);
}

/** Refuse unknown values of a step. Throws OpError naming the value. */
export function checkValues(values: StepValues): void {
  expectKeys(values, VALUE_KEYS, refuse);
}

type Complete<T> = { readonly [K in keyof T]-?: NonNullable<T[K]> };

/** Numbers of a group that move with the steps; null if `set` gives them. */
export interface GroupSchedules {
  readonly lr: StepFunction | null;
  readonly threshold: ThresholdCurve | null;
}

export type GroupSettings = Omit<Required<SGDOptions>, "lr" | "threshold"> & {
  /** Learning rate, or that of step 0 if it is scheduled. */
  readonly lr: number;
  readonly schedules: GroupSchedules;
  readonly str: Complete<StrOptions>;
  readonly ltp: Complete<LtpOptimizerOptions>;
};

/** Merge the options of a group: its own, then the optimiser's, then defaults. Throws OpError naming a bad option. */
export function groupSettings(all: SGDOptions, own: Partial<SGDOptions>): GroupSettings {
  const mode = own.mode ?? all.mode ?? "none";
  const { lr: rate, threshold, ...options } = { ...all, ...own };
  const schedules = {
    lr: typeof rate === "function" ? rate : null,
    threshold: threshold !== undefined && hasThreshold(mode) ? curveOf(threshold) : null,
  };
  const merged: Omit<GroupSettings, "str" | "ltp"> & Pick<Required<SGDOptions>, "str" | "ltp"> = {
    momentum: 0,
    dampening: 0,
    nesterov: false,
    weightDecay: 0,
    decayTarget: mode === "inplace" || mode === "fista" ? "effective" : "latent",
    gradient: "straight-through",
    shrink: 0,
    str: {},
    ltp: {},
    ...options,
    lr: typeof rate === "function" ? rate(0) : rate,
    mode,
    schedules,
  };
  const { start = -20, decay = merged.weightDecay } = merged.str;
  const { l0 = 0.05, temperature = 1e-3, lr = 10, clip = 0.05 } = merged.ltp;
  const settings: GroupSettings = { ...merged, str: { start, decay }, ltp: { l0, temperature, lr, clip } };
  check(settings);
  return settings;
}

/** Return a threshold as a curve. Throws OpError for another kind of value. */
function curveOf(threshold: number | StepFunction | ThresholdCurve): ThresholdCurve {
  if (typeof threshold === "number") return { at: () => threshold };
  if (typeof threshold === "function") return { at: threshold };
  if (typeof threshold !== "object" || typeof threshold?.at !== "function")
    throw refuse(`threshold: expected a number, a function or a schedule, got ${kindOf(threshold)}`);
  return threshold;
}

/** Refuse a value of a step that a schedule gives. Throws OpError naming the value. */
export function checkUnscheduled(values: StepValues, { lr, threshold }: GroupSchedules): void {
  const moved = lr ? ["lr"] : [];
  if (threshold) moved.push("threshold", "thresholdNext", "tau");
  const found = moved.find((key) => values[key as keyof StepValues] !== undefined);
  if (found) throw refuse(`${found}: expected nothing, since the optimizer has a schedule for it`);
}

function check(o: GroupSettings): void {
  const fail = (name: string, expected: string, got: unknown) => {
    throw new OpError("SGD", `${name}: expected ${expected}, got ${valueText(got)}`);
  };
  const atLeast0 = (what: string, value: number) => {
    if (!(value >= 0 && Number.isFinite(value))) fail(what, "a number >= 0", value);
  };
  const above0 = (what: string, value: number) => {
    if (!(value > 0 && Number.isFinite(value))) fail(what, "a number > 0", value);
  };
  atLeast0("lr", o.lr);
  if (!(o.momentum >= 0 && o.momentum < 1)) fail("momentum", "a number in [0, 1)", o.momentum);
  atLeast0("weightDecay", o.weightDecay);
  if (!(o.dampening >= 0 && o.dampening <= 1)) fail("dampening", "a number in [0, 1]", o.dampening);
  if (o.nesterov && (o.momentum === 0 || o.dampening !== 0))
    fail("nesterov", "momentum > 0 and dampening 0", `momentum ${o.momentum} and dampening ${o.dampening}`);
  if (o.mode === "fista" && o.nesterov) fail("nesterov", "false in mode fista, which extrapolates anyway", true);
  if (o.gradient !== "straight-through" && o.gradient !== "true")
    fail("gradient", "straight-through or true", o.gradient);
  atLeast0("shrink", o.shrink);
  if (!MODES.includes(o.mode)) fail("mode", `one of ${MODES.join(", ")}`, o.mode);
  if (!Number.isFinite(o.str.start)) fail("str.start", "a finite number", o.str.start);
  atLeast0("str.decay", o.str.decay);
  atLeast0("ltp.l0", o.ltp.l0);
  above0("ltp.temperature", o.ltp.temperature);
  atLeast0("ltp.lr", o.ltp.lr);
  above0("ltp.clip", o.ltp.clip);
}
