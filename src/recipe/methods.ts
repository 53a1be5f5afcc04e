// The pruning methods by the names the field uses: each is a few settings of a recipe.
import { PRUNING_METHODS, THRESHOLD_SCHEDULES } from "../index.ts";
import { UsageError } from "../terminal/fail.ts";
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

/** Settings that are what a method is; its other settings are where it begins. */
const IDENTITY = ["method", "schedule", "mode", "accelerated"] as const;
/** Methods that are so called whatever the threshold's schedule is. */
const ANY_SCHEDULE = new Set(["ista", "fista", "early"]);

/**
 * The settings of a method; `given` are those that the command line gives itself, which win.
 *
 * Errors   UsageError for an unknown method, one that lacks what it has to be told, and for a flag that says another method.
 */
export function methodSettings(name: string, given: PruneFlags = {}): PruneFlags {
  const preset = Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
  if (!preset) throw new UsageError(`method ${name}: want one of ${METHOD_NAMES.join(", ")}`);
  if (name === "early" && given.freezeEpoch === undefined) {
    throw new UsageError("method early: give the epoch from which zeros stay zero with --freeze-epoch");
  }
  for (const key of IDENTITY) {
    const [own, other] = [preset[key], given[key]];
    if (own === undefined || other === undefined || own === other) continue;
    if (key === "schedule" && ANY_SCHEDULE.has(name)) continue;
    throw new UsageError(
      `--${key} ${String(other)}: --method ${name} means ${key} ${String(own)}; give one of the two`,
    );
  }
  // A parameter that the preset suggests belongs to the preset's own schedule.
  const { beta, ...others } = preset;
  const kept = given.schedule === undefined || given.schedule === preset.schedule;
  const str = preset.str ? { str: { ...preset.str, ...defined(given.str ?? {}) } } : {};
  return { ...others, ...(kept && beta !== undefined ? { beta } : {}), ...defined(given), ...str };
}

const defined = <T extends object>(settings: T): Partial<T> =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as Partial<T>;
