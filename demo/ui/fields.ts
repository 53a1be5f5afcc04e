// The settings as fields of a form: labels, conditions for showing them, parsing.
import { METHODS, MODELS, type NumberKey, PRECISIONS, RANGES, type Settings, SOURCES } from "../shared/settings.ts";
import { t } from "../texts/text.ts";

export type ChoiceKey = "model" | "data" | "method" | "against" | "precision";
export type Key = keyof Settings;

/** Methods whose threshold follows a schedule up to D. */
export const SCHEDULED: ReadonlySet<string> = new Set(["lats", "slats", "pgh", "linear", "sine"]);

const either = (settings: Settings, test: (method: string) => boolean): boolean =>
  test(settings.method) || test(settings.against);

const CONDITIONS: Readonly<Partial<Record<Key, (settings: Settings) => boolean>>> = {
  timeSteps: (s) => s.model === "spiking-cnn",
  threshold: (s) => either(s, (method) => SCHEDULED.has(method)),
  sparsity: (s) => either(s, (method) => method === "gmp"),
  strDecay: (s) => either(s, (method) => method === "str"),
  ltpL0: (s) => either(s, (method) => method === "ltp"),
};

/** Return true if a setting has an effect, given the others. */
export function applies(key: Key, settings: Settings): boolean {
  return CONDITIONS[key]?.(settings) ?? true;
}

interface NumberField {
  readonly key: NumberKey;
  /** Increment of the field. */
  readonly step: number | "any";
}

/** Number fields in the order of the form. */
export const NUMBER_FIELDS: readonly NumberField[] = [
  { key: "timeSteps", step: 1 },
  { key: "sparsity", step: "any" },
  { key: "strDecay", step: "any" },
  { key: "ltpL0", step: "any" },
  { key: "epochs", step: 1 },
  { key: "batchSize", step: 1 },
  { key: "lr", step: "any" },
  { key: "momentum", step: "any" },
  { key: "seed", step: 1 },
];

const CHOICES: Readonly<Record<ChoiceKey, readonly string[]>> = {
  model: MODELS,
  data: SOURCES,
  method: METHODS,
  against: ["none", ...METHODS],
  precision: PRECISIONS,
};

export const isNumberKey = (key: string): key is NumberKey => Object.hasOwn(RANGES, key);
export const isChoiceKey = (key: string): key is ChoiceKey => Object.hasOwn(CHOICES, key);
export const choices = (key: ChoiceKey): readonly string[] => CHOICES[key];

type Parsed = { readonly value: number } | { readonly error: string };

/** Parse a number for this setting, with a decimal point or comma. */
export function parseNumber(key: NumberKey, text: string): Parsed {
  const { min, max, whole } = RANGES[key];
  const trimmed = text.trim().replace(/^([+-]?\d*),(\d+)$/, "$1.$2");
  const error = t(whole ? "setting.whole" : "setting.number", { min: String(min), max: String(max) });
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) return { error };
  const value = Number(trimmed);
  if (value < min || value > max || (whole && !Number.isInteger(value))) return { error };
  // Turns -0 into 0.
  return { value: value + 0 };
}

/** Last position of the slider for D. The scale is quadratic: small thresholds matter most and are easy to set. */
export const SLIDER_END = 200;
const SLIDER_TOP = 0.5;

export function thresholdOfSlider(position: number): number {
  return Number((SLIDER_TOP * (position / SLIDER_END) ** 2).toPrecision(3));
}

export function sliderOfThreshold(threshold: number): number {
  const share = Math.min(1, Math.max(0, threshold / SLIDER_TOP));
  return Math.round(SLIDER_END * Math.sqrt(share));
}
