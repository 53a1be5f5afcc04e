// What SGD may be told: for all parameters, for a group of them, and for each step.
import { OpError } from "../gpu/index.ts";
import type { Parameter } from "../nn/parameter.ts";
import { expectKeys, type KeysOf } from "../text/index.ts";

/**
 * How the threshold acts on a group. W is what the forward pass reads, theta what is stored.
 * - `latent`: theta is updated with the gradient of W = S(theta, d), straight through; pruned weights keep their memory
 *   and may regrow (LATS, STDS).
 * - `inplace`: only W is stored; each step ends with S(W, d_next - d_now), which is proximal SGD (ISTA).
 * - `fista`: the same with Nesterov's extrapolation between the proximal steps; `momentum` is its share.
 * - `str`: W = S(theta, sigmoid(s)) with a learned s for each layer; pruned weights get no gradient (STR).
 * - `ltp`: W = theta · sigmoid((theta² - tau) / T) with a learned tau for each layer (LTP).
 * - `none`: plain SGD.
 */
export type ThresholdMode = (typeof MODES)[number];
const MODES = ["latent", "inplace", "fista", "str", "ltp", "none"] as const;

/** Return true for the modes whose thresholds are learned, one for each layer. */
export const isLearned = (mode: ThresholdMode): mode is "str" | "ltp" => mode === "str" || mode === "ltp";

/**
 * What the update does to a group at the moment.
 * - `prune`: as its mode says.
 * - `mask`: weights that are zero stay zero, the others are trained.
 * - `dense`: the forward pass reads the stored weights, learned thresholds rest.
 */
export type Phase = "prune" | "mask" | "dense";

/** STR: how s moves. */
export interface StrOptions {
  /** First s of every layer; d = sigmoid(s). Default -20. */
  readonly start?: number | undefined;
  /** Weight decay of s, which is what drives it towards 0, so d towards 1/2. Default: the group's. */
  readonly decay?: number | undefined;
}

/** LTP: how tau moves, T follows and pruning is paid for. */
export interface LtpOptimizerOptions {
  /** Loss per weight that is left, times the number of weights of the group. Default 1. */
  readonly l0?: number | undefined;
  /** T = temperature · Var |w|. Default 1e-2. */
  readonly temperature?: number | undefined;
  /** Learning rate of tau / Var |w|, which has no unit. Default 10. */
  readonly lr?: number | undefined;
  /** Largest change of tau / Var |w| in a step. Default 0.05. */
  readonly clip?: number | undefined;
}

export interface SGDOptions {
  readonly lr: number;
  /** Default 0. */
  readonly momentum?: number;
  /** First momentum value is the whole gradient, later ones take 1 - dampening of it. Default 0. */
  readonly dampening?: number;
  readonly nesterov?: boolean;
  /** L2 coefficient, coupled: added to the gradient. Default 0. */
  readonly weightDecay?: number;
  readonly mode?: ThresholdMode;
  /** What weight decay pulls on: theta (default for `latent`) or W (default for `inplace` and `fista`). */
  readonly decayTarget?: "latent" | "effective";
  readonly str?: StrOptions;
  readonly ltp?: LtpOptimizerOptions;
}

export interface ParamGroup extends Partial<SGDOptions> {
  readonly params: readonly Parameter[];
}

/** Values that may change from step to step; they live in a GPU buffer, so a replayed step sees them. */
export interface StepValues {
  readonly lr?: number;
  /** In mode `fista`: the share of the last move to go on by. */
  readonly momentum?: number;
  readonly weightDecay?: number;
  /** Threshold in force during this step's forward pass. */
  readonly threshold?: number;
  /** Threshold after this step's update. */
  readonly thresholdNext?: number;
  /** Shrinkage of `inplace` and `fista`; default thresholdNext - threshold, subtracted in float64. */
  readonly tau?: number;
}

const OPTION_KEYS: KeysOf<SGDOptions> = {
  lr: true,
  momentum: true,
  dampening: true,
  nesterov: true,
  weightDecay: true,
  mode: true,
  decayTarget: true,
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

/** Refuses options that are unknown, and those of a mode that no group has. Throws OpError naming the option. */
export function checkOptions(all: SGDOptions, groups: readonly Partial<SGDOptions>[]): void {
  for (const options of [all, ...groups]) {
    expectKeys(options, OPTION_KEYS, refuse);
    expectKeys(options.str ?? {}, STR_KEYS, (problem) => refuse(`str: ${problem}`));
    expectKeys(options.ltp ?? {}, LTP_KEYS, (problem) => refuse(`ltp: ${problem}`));
  }
  const modeOf = (own: Partial<SGDOptions>) => own.mode ?? all.mode ?? "none";
  for (const mode of ["str", "ltp"] as const) {
    const idle = groups.find((own) => own[mode] !== undefined && modeOf(own) !== mode);
    if (idle) throw refuse(`${mode} is for mode ${mode}: expected nothing in a group of mode ${modeOf(idle)}`);
    if (all[mode] !== undefined && !groups.some((own) => modeOf(own) === mode)) {
      throw refuse(`${mode} is for mode ${mode}: expected nothing, since no group has it`);
    }
  }
}

/** Refuses a value of a step that is unknown. Throws OpError naming it. */
export function checkValues(values: StepValues): void {
  expectKeys(values, VALUE_KEYS, refuse);
}

type Complete<T> = { readonly [K in keyof T]-?: NonNullable<T[K]> };

export type GroupSettings = Required<SGDOptions> & {
  readonly str: Complete<StrOptions>;
  readonly ltp: Complete<LtpOptimizerOptions>;
};

/** All options of a group: its own, then the optimiser's, then the defaults. Throws OpError naming what is wrong. */
export function groupSettings(all: SGDOptions, own: Partial<SGDOptions>): GroupSettings {
  const mode = own.mode ?? all.mode ?? "none";
  const merged: Required<SGDOptions> = {
    momentum: 0,
    dampening: 0,
    nesterov: false,
    weightDecay: 0,
    decayTarget: mode === "inplace" || mode === "fista" ? "effective" : "latent",
    str: {},
    ltp: {},
    ...all,
    ...own,
    mode,
  };
  const { start = -20, decay = merged.weightDecay } = merged.str;
  const { l0 = 1, temperature = 1e-2, lr = 10, clip = 0.05 } = merged.ltp;
  const settings: GroupSettings = { ...merged, str: { start, decay }, ltp: { l0, temperature, lr, clip } };
  check(settings);
  return settings;
}

function check(o: GroupSettings): void {
  const fail = (what: string, want: string, have: unknown) => {
    throw new OpError("SGD", `${what} wants ${want}, was given ${have}`);
  };
  const atLeast0 = (what: string, value: number) => {
    if (!(value >= 0 && Number.isFinite(value))) fail(what, "a number >= 0", value);
  };
  const above0 = (what: string, value: number) => {
    if (!(value > 0 && Number.isFinite(value))) fail(what, "a number > 0", value);
  };
  atLeast0("lr", o.lr);
  if (!(o.momentum >= 0 && o.momentum < 1)) fail("momentum", "0 <= momentum < 1", o.momentum);
  atLeast0("weightDecay", o.weightDecay);
  if (!(o.dampening >= 0 && o.dampening <= 1)) fail("dampening", "0 <= dampening <= 1", o.dampening);
  if (o.nesterov && (o.momentum === 0 || o.dampening !== 0))
    fail("nesterov", "momentum > 0 and no dampening", "neither");
  if (o.mode === "fista" && o.nesterov) fail("nesterov", "false: mode fista extrapolates by itself", true);
  if (!MODES.includes(o.mode)) fail("mode", `one of ${MODES.join(", ")}`, o.mode);
  if (!Number.isFinite(o.str.start)) fail("str.start", "a finite number", o.str.start);
  atLeast0("str.decay", o.str.decay);
  atLeast0("ltp.l0", o.ltp.l0);
  above0("ltp.temperature", o.ltp.temperature);
  atLeast0("ltp.lr", o.ltp.lr);
  above0("ltp.clip", o.ltp.clip);
}
