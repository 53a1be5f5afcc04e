// Settings in the page's address, after the #. A link restores a run, with the moves of D, and names its end; only settings
// that differ from the defaults are written.
import type { ThresholdMove } from "../shared/protocol.ts";
import { DEFAULTS, type Settings } from "../shared/settings.ts";
import { presetSettings } from "../story/presets.ts";
import { choices, isChoiceKey, isNumberKey, type Key, parseNumber } from "./fields.ts";

/** End of a network in a link: accuracy and share of zeros, 0 to 1. */
interface End {
  readonly accuracy: number;
  readonly sparsity: number;
}

interface Link {
  readonly settings: Settings;
  /** Moves of D after the first step, by step. */
  readonly moves: readonly ThresholdMove[];
  /** Ends of the networks of the run that was shared. */
  readonly ends: readonly End[];
  /** Parts of the address that are not valid. */
  readonly ignored: readonly string[];
}

/** Most moves in a link; an address has a limited length. */
const MOST_MOVES = 100;

/** Return the part of the address for these settings: "#model=spiking-cnn&threshold=0.2", or "" for the defaults. */
export function addressOf(settings: Settings, moves: readonly ThresholdMove[] = [], ends: readonly End[] = []): string {
  const query = new URLSearchParams();
  // A move before the first step is the threshold of the start.
  const threshold = moves.filter(({ step }) => step === 0).at(-1)?.threshold ?? settings.threshold;
  const start: Settings = { ...settings, threshold };
  for (const key of Object.keys(DEFAULTS) as Key[])
    if (start[key] !== DEFAULTS[key]) query.set(key, String(start[key]));
  const later = moves.filter(({ step }) => step > 0).slice(-MOST_MOVES);
  if (later.length > 0) query.set("moves", later.map((move) => `${move.step}:${move.threshold}`).join(","));
  const rounded = (value: number) => Number(value.toFixed(4));
  if (ends.length > 0)
    query.set("end", ends.map((end) => `${rounded(end.accuracy)}:${rounded(end.sparsity)}`).join(","));
  const text = query.toString().replaceAll("%3A", ":").replaceAll("%2C", ",");
  return text && `#${text}`;
}

/** Read "1:0.5,20:0.3" as pairs of numbers; null if it is anything else. */
function pairsOf(text: string, most: number): [number, number][] | null {
  const parts = text.split(",");
  if (parts.length > most || !parts.every((part) => /^\d{1,9}(\.\d{1,9})?:\d(\.\d{1,9})?(e-\d{1,2})?$/.test(part)))
    return null;
  return parts.map((part) => part.split(":").map(Number) as [number, number]);
}

/** Read the moves of D; null if the text is no list of them. */
function movesOf(text: string): ThresholdMove[] | null {
  const pairs = pairsOf(text, MOST_MOVES);
  if (!pairs?.every(([step, d]) => Number.isInteger(step) && d <= 1)) return null;
  return pairs.map(([step, threshold]) => ({ step, threshold })).sort((a, b) => a.step - b.step);
}

function endsOf(text: string): End[] | null {
  const pairs = pairsOf(text, 2);
  if (!pairs?.every(([accuracy, sparsity]) => accuracy <= 1 && sparsity <= 1)) return null;
  return pairs.map(([accuracy, sparsity]) => ({ accuracy, sparsity }));
}

/** Return the value of a setting, or undefined if it is not valid. */
function settingOf(key: string, text: string): string | number | undefined {
  if (isNumberKey(key)) {
    const parsed = parseNumber(key, text);
    return "value" in parsed ? parsed.value : undefined;
  }
  return isChoiceKey(key) && choices(key).includes(text) ? text : undefined;
}

/** Read an address. Invalid settings get their defaults and are listed in `ignored`. Never throws. */
export function settingsOf(hash: string): Link {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  const preset = query.get("preset");
  const settings: Record<Key, unknown> = { ...DEFAULTS, ...presetSettings(preset) };
  const ignored: string[] = [];
  let moves: readonly ThresholdMove[] = [];
  let ends: readonly End[] = [];
  for (const [key, text] of query) {
    if (key === "preset" && presetSettings(text)) continue;
    const value = settingOf(key, text);
    const read = key === "moves" ? movesOf(text) : key === "end" ? endsOf(text) : value;
    if (read === undefined || read === null) ignored.push(`${key}=${text}`.slice(0, 60));
    else if (key === "moves") moves = read as ThresholdMove[];
    else if (key === "end") ends = read as End[];
    else settings[key as Key] = value;
  }
  // Every value was checked above.
  return { settings: settings as unknown as Settings, moves, ends, ignored };
}
