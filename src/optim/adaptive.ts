// The common part of Adam, AdamW and RMSProp: options, modes, and the record of numbers that their shaders read.
import numbersWgsl from "../../shaders/lib/adaptive_numbers.wgsl";
import { OpError, readStruct } from "../gpu/index.ts";
import type { KeysOf } from "../text/index.ts";
import type { GroupRule } from "./group_rule.ts";
import {
  COMMON_KEYS,
  type CommonSettings,
  latentSpec,
  numberChecks,
  type OptimizerOptions,
} from "./optimizer_options.ts";

/** Options that Adam, AdamW and RMSProp have, with PyTorch's defaults. */
export interface AdaptiveOptions extends Partial<OptimizerOptions> {
  /** Number added to the divisor of a step, > 0. Default 1e-8. */
  readonly eps?: number;
}

export const ADAPTIVE_KEYS: KeysOf<AdaptiveOptions> = { ...COMMON_KEYS, eps: true };

/** Numbers of a step, by the field names of the shader's struct. */
const ADAPTIVE = readStruct("adaptive", numbersWgsl, "Adaptive");

/** Numbers of a step that an adaptive rule has. */
interface AdaptiveNumbers {
  readonly beta: number;
  readonly eps: number;
  readonly step_size: number;
  readonly root_bias: number;
  readonly log_beta1: number;
  readonly log_beta: number;
}

/** Return the words of a step's numbers. */
export const adaptiveRecord = (numbers: AdaptiveNumbers): Uint32Array =>
  ADAPTIVE.pack({ ...numbers, take: 1 - numbers.beta });

/** Return the buffers and constants of an adaptive rule, with some number of moments. */
export function adaptiveParts(
  settings: CommonSettings,
  moments: number,
): Pick<GroupRule, "buffers"> & { readonly modes: Readonly<Record<string, boolean>> } {
  const { mode } = settings;
  return {
    buffers: { latent: mode === "latent", momentum: false, moments },
    modes: { LATENT: mode === "latent", INPLACE: mode === "inplace", ...latentSpec(settings) },
  };
}

/** Check what all adaptive optimisers have. Throws OpError. */
export function checkAdaptive(name: string, { mode }: CommonSettings, eps: number): void {
  if (mode === "fista" || mode === "str" || mode === "ltp") {
    const why = mode === "fista" ? "extrapolates the steps of SGD" : "learns its thresholds with the steps of SGD";
    throw new OpError(name, `mode: expected latent, inplace or none, got ${mode}, which ${why}`);
  }
  // Smaller numbers are 0 in f32.
  if (!(eps >= 2 ** -126 && Number.isFinite(eps))) numberChecks(name).fail("eps", "a number >= 1.2e-38", eps);
}

/** Check a share of old moments. Throws OpError. */
export function checkShare(name: string, what: string, share: unknown): void {
  if (!(typeof share === "number" && share >= 0 && share < 1))
    numberChecks(name).fail(what, "a number in [0, 1)", share);
}

/** Check a switch. Throws OpError. */
export function checkSwitch(name: string, what: string, value: unknown): void {
  if (typeof value !== "boolean") numberChecks(name).fail(what, "true or false", value);
}
