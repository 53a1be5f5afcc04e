// Options of SGD: for all parameters, and for a group.
import { OpError } from "../gpu/index.ts";
import type { Parameter } from "../nn/parameter.ts";
import { expectKeys, type KeysOf } from "../text/index.ts";
import {
  COMMON_KEYS,
  type CommonSettings,
  checkKeys,
  commonSettings,
  numberChecks,
  type OptimizerOptions,
} from "./optimizer_options.ts";

/** Return true for the modes whose thresholds are learned, one for each layer. */
export const isLearned = (mode: string): mode is "str" | "ltp" => mode === "str" || mode === "ltp";

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

/** Options of `SGD`. Weight decay is coupled: added to the gradient. */
export interface SGDOptions extends OptimizerOptions {
  /** Default 0. */
  readonly momentum?: number;
  /** Momentum takes 1 - dampening of the gradient, from the second step on. Default 0. */
  readonly dampening?: number;
  /** Default false. True needs momentum > 0 and dampening 0. */
  readonly nesterov?: boolean;
  readonly str?: StrOptions;
  readonly ltp?: LtpOptimizerOptions;
}

/** Parameters with options that differ from those of the optimiser. */
export interface ParamGroup extends Partial<SGDOptions> {
  readonly params: readonly Parameter[];
}

const { lr, threshold, ...others } = COMMON_KEYS;
const OPTION_KEYS: KeysOf<SGDOptions> = {
  lr,
  threshold,
  momentum: true,
  dampening: true,
  nesterov: true,
  ...others,
  str: true,
  ltp: true,
};
const STR_KEYS: KeysOf<StrOptions> = { start: true, decay: true };
const LTP_KEYS: KeysOf<LtpOptimizerOptions> = { l0: true, temperature: true, lr: true, clip: true };

const refuse = (problem: string) => new OpError("SGD", problem);

/** Refuse unknown options, and options of a mode that no group has. Throws OpError naming the option. */
export function checkOptions(all: SGDOptions, groups: readonly Partial<SGDOptions>[]): void {
  checkKeys("SGD", all, groups, OPTION_KEYS);
  for (const options of [all, ...groups]) {
    expectKeys(options.str ?? {}, STR_KEYS, (problem) => refuse(`str: ${problem}`));
    expectKeys(options.ltp ?? {}, LTP_KEYS, (problem) => refuse(`ltp: ${problem}`));
  }
  const modeOf = (own: Partial<SGDOptions>) => own.mode ?? all.mode ?? "none";
  for (const mode of ["str", "ltp"] as const) {
    const idle = groups.find((own) => own[mode] !== undefined && modeOf(own) !== mode);
    if (idle)
      throw refuse(`${mode}: expected nothing in a group of mode ${modeOf(idle)}, since it is for mode ${mode}`);
    if (all[mode] !== undefined && !groups.some((own) => modeOf(own) === mode))
      throw refuse(`${mode}: expected nothing, since no group has mode ${mode}`);
  }
}

type Complete<T> = { readonly [K in keyof T]-?: NonNullable<T[K]> };

/** Settings of a group of SGD. */
export interface GroupSettings extends CommonSettings {
  readonly dampening: number;
  readonly str: Complete<StrOptions>;
  readonly ltp: Complete<LtpOptimizerOptions>;
}

/** Merge the options of a group: its own, then the optimiser's, then defaults. Throws OpError naming a bad option. */
export function groupSettings(all: SGDOptions, own: Partial<SGDOptions>): GroupSettings {
  const merged = { ...all, ...own };
  const common = commonSettings("SGD", merged);
  const { dampening = 0 } = merged;
  const { start = -20, decay = common.weightDecay } = merged.str ?? {};
  const { l0 = 0.05, temperature = 1e-3, lr = 10, clip = 0.05 } = merged.ltp ?? {};
  const settings = {
    ...common,
    dampening,
    str: { start, decay },
    ltp: { l0, temperature, lr, clip },
  };
  check(settings);
  return settings;
}

function check({ momentum, dampening, nesterov, mode, str, ltp }: GroupSettings): void {
  const { fail, atLeast0, above0 } = numberChecks("SGD");
  if (!(dampening >= 0 && dampening <= 1)) fail("dampening", "a number in [0, 1]", dampening);
  if (nesterov && (momentum === 0 || dampening !== 0))
    fail("nesterov", "momentum > 0 and dampening 0", `momentum ${momentum} and dampening ${dampening}`);
  if (mode === "fista" && nesterov) fail("nesterov", "false in mode fista, which extrapolates anyway", true);
  if (!Number.isFinite(str.start)) fail("str.start", "a finite number", str.start);
  atLeast0("str.decay", str.decay);
  atLeast0("ltp.l0", ltp.l0);
  above0("ltp.temperature", ltp.temperature);
  atLeast0("ltp.lr", ltp.lr);
  above0("ltp.clip", ltp.clip);
}
