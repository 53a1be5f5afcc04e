// Runs worth a look, each under a name that a link can give: #preset=miracle.
import { DEFAULTS, type Settings } from "../shared/settings.ts";

/** Settings of a preset that differ from the defaults. */
export const PRESETS = {
  /** Most weights go, and the accuracy stays. */
  miracle: {},
  /** D is so large that the network dies. */
  far: { threshold: 0.4, epochs: 4 },
  /** Two schedules with the same end: steady pressure against early pressure. */
  early: { against: "pgh", epochs: 6 },
  /** A spiking network, for which fewer weights mean fewer additions. */
  spikes: { model: "spiking-cnn", threshold: 0.05, epochs: 4 },
  /** Each layer learns its own threshold. */
  learned: { method: "str", against: "lats" },
} as const satisfies Readonly<Record<string, Partial<Settings>>>;

export type PresetName = keyof typeof PRESETS;
export const PRESET_NAMES = Object.keys(PRESETS) as readonly PresetName[];

/** Return the settings of a preset; null for any other name. */
export function presetSettings(name: string | null): Settings | null {
  if (name === null || !Object.hasOwn(PRESETS, name)) return null;
  return { ...DEFAULTS, ...PRESETS[name as PresetName] };
}
