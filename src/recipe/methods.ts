// Expands --method into settings.
import { UsageError } from "../terminal/fail.ts";
import { withoutUndefined } from "./layers.ts";
import { METHOD_NAMES, PRESETS, type Preset } from "./presets.ts";
import type { RecipeFlags } from "./schema.ts";

type PruneFlags = NonNullable<RecipeFlags["prune"]>;

/** Settings that define a method; its other settings are initial values. */
const IDENTITY = ["method", "schedule", "mode", "accelerated"] as const;
/** Methods that keep their name under any schedule of the threshold. */
const ANY_SCHEDULE = new Set(["ista", "fista", "early"]);

/**
 * Return the settings of a method; `given` are those that the command line sets itself, which win.
 *
 * Errors   UsageError for an unknown method, a method without a setting that it needs, and a flag that contradicts it.
 */
export function methodSettings(name: string, given: PruneFlags = {}): PruneFlags {
  const preset: Preset | undefined = Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
  if (!preset) throw new UsageError(`--method: expected one of ${METHOD_NAMES.join(", ")}, got ${name}`);
  if (name === "early" && given.freezeEpoch === undefined)
    throw new UsageError("--method early: expected --freeze-epoch, the epoch from which zeros stay zero");
  for (const key of IDENTITY) {
    const [own, other] = [preset[key], given[key]];
    if (own === undefined || other === undefined || own === other) continue;
    if (key === "schedule" && ANY_SCHEDULE.has(name)) continue;
    throw new UsageError(`--${key}: expected ${String(own)}, since --method is ${name}, got ${String(other)}`);
  }
  // A beta of the preset belongs to the preset's own schedule.
  const { beta, ...others } = preset;
  const ownSchedule = given.schedule === undefined || given.schedule === preset.schedule;
  const merged = { ...others, ...(ownSchedule && { beta }), ...(withoutUndefined(given) as PruneFlags) };
  const str = preset.str && { ...preset.str, ...(withoutUndefined(given.str ?? {}) as PruneFlags["str"]) };
  return withoutUndefined({ ...merged, ...(str && { str }) }) as PruneFlags;
}
