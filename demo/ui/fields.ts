// The settings as fields of a form: labels, conditions for showing them, parsing.
import {
  METHODS,
  type Method,
  MODELS,
  type Model,
  type NumberKey,
  PRECISIONS,
  type Precision,
  RANGES,
  type Settings,
  SOURCES,
  type Source,
} from "../shared/settings.ts";

export type ChoiceKey = "model" | "data" | "method" | "against" | "precision";
export type Key = keyof Settings;

export const METHOD_NAMES: Readonly<Record<Method | "none", string>> = {
  lats: "LATS",
  slats: "S-LATS",
  pgh: "PGH",
  linear: "Linear",
  sine: "Sine",
  str: "STR",
  ltp: "LTP",
  gmp: "GMP",
  dense: "No pruning",
  none: "Nothing",
};

/** One line on each method, shown below the choice. */
export const METHOD_NOTES: Readonly<Record<Method | "none", string>> = {
  lats: "Threshold rises in proportion to the learning rate: a constant L1 penalty.",
  slats: "A smooth curve that gives a constant penalty under one cosine.",
  pgh: "Strong pressure first, then less and less.",
  linear: "Threshold grows by the same amount at each step.",
  sine: "Slow, fast, slow: the schedule of pruned spiking networks.",
  str: "Each layer learns its own soft threshold.",
  ltp: "Each layer learns its threshold; every remaining weight has a price.",
  gmp: "Every few steps the smallest weights are cut.",
  dense: "All weights stay.",
  none: "One network only.",
};

export const MODEL_NAMES: Readonly<Record<Model, string>> = {
  "lenet-bn": "LeNet with batch norm",
  "resnet-8-narrow": "Small ResNet",
  "mobilenet-small": "Small MobileNet",
  "spiking-cnn": "Spiking CNN",
};

export const SOURCE_NAMES: Readonly<Record<Source, string>> = {
  mnist: "MNIST digits",
  "fashion-mnist": "Fashion-MNIST",
  files: "Your files",
};

export const PRECISION_NAMES: Readonly<Record<Precision, string>> = {
  f32: "32-bit numbers",
  f16: "16-bit activations",
};

/** Methods whose threshold follows a schedule up to D. */
const SCHEDULED: ReadonlySet<string> = new Set(["lats", "slats", "pgh", "linear", "sine"]);

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
  readonly label: string;
  /** Increment of the field. */
  readonly step: number | "any";
}

/** Number fields in the order of the form. */
export const NUMBER_FIELDS: readonly NumberField[] = [
  { key: "timeSteps", label: "Time steps T", step: 1 },
  { key: "sparsity", label: "Share of zeros at the end", step: "any" },
  { key: "strDecay", label: "Decay of STR's thresholds", step: "any" },
  { key: "ltpL0", label: "Price of LTP's weights", step: "any" },
  { key: "epochs", label: "Epochs", step: 1 },
  { key: "batchSize", label: "Batch size", step: 1 },
  { key: "lr", label: "Learning rate", step: "any" },
  { key: "momentum", label: "Momentum", step: "any" },
  { key: "seed", label: "Seed", step: 1 },
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
  const expected = `${whole ? "a whole number" : "a number"} from ${min} to ${max}`;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) return { error: `Give ${expected}.` };
  const value = Number(trimmed);
  if (value < min || value > max || (whole && !Number.isInteger(value))) return { error: `Give ${expected}.` };
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
