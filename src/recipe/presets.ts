// The pruning methods by the names of the field: each is a few settings of a recipe. Plain data, which the demo loads too.
import { PRUNING_METHODS, type PruneConfig, THRESHOLD_SCHEDULES } from "../internal.ts";

export type Preset = Partial<PruneConfig>;

/** Soft thresholding by each schedule that moves: `--method lats` is `soft` with `lats`. */
const schedules = Object.fromEntries(
  THRESHOLD_SCHEDULES.filter((name) => name !== "none").map((schedule) => [schedule, { method: "soft", schedule }]),
) as Record<string, Preset>;

export const PRESETS: Readonly<Record<string, Preset>> = {
  dense: { method: "soft", schedule: "none" },
  ...schedules,
  pgh: { method: "soft", schedule: "pgh", beta: 0.1 },
  "pgh-general": { method: "soft", schedule: "pgh-general", beta: 0.1 },
  // Spiking networks: the sine of Chen et al. 2022.
  stds: { method: "soft", schedule: "sine" },
  ista: { method: "soft", schedule: "lats", mode: "inplace" },
  fista: { method: "soft", schedule: "lats", mode: "inplace", accelerated: true },
  early: { method: "soft", schedule: "pgh-general", beta: 0.1 },
  // The published decay of s is that of the weights, over a hundred epochs of ImageNet; short runs need more.
  str: { method: "str", str: { decay: 0.01 } },
  ...Object.fromEntries(
    PRUNING_METHODS.filter((name) => name !== "soft" && name !== "str").map((method) => [method, { method }]),
  ),
};

/** The names that --method takes. */
export const METHOD_NAMES: readonly string[] = Object.keys(PRESETS);
