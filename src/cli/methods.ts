// The pruning methods by the names the field uses: each is a few settings of a recipe.
import { PRUNING_METHODS, THRESHOLD_SCHEDULES } from "../index.ts";
import { UsageError } from "./fail.ts";
import type { RecipeFlags } from "./recipe.ts";

type PruneFlags = NonNullable<RecipeFlags["prune"]>;

const schedules = Object.fromEntries(
  THRESHOLD_SCHEDULES.filter((name) => name !== "none").map((schedule) => [schedule, { method: "soft", schedule }]),
) as Record<string, PruneFlags>;

const PRESETS: Readonly<Record<string, PruneFlags>> = {
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

/** All names that --method knows. */
export const METHOD_NAMES: readonly string[] = Object.keys(PRESETS);

/** The settings of a method; `given` are those that the command line gives itself, which win. */
export function methodSettings(name: string, given: PruneFlags = {}): PruneFlags {
  const preset = PRESETS[name];
  if (!preset) throw new UsageError(`method ${name}: want one of ${METHOD_NAMES.join(", ")}`);
  if (name === "early" && given.freezeEpoch === undefined) {
    throw new UsageError("method early: give the epoch from which zeros stay zero with --freeze-epoch");
  }
  const str = preset.str ? { str: { ...preset.str, ...defined(given.str ?? {}) } } : {};
  return { ...preset, ...defined(given), ...str };
}

const defined = <T extends object>(settings: T): Partial<T> =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as Partial<T>;
