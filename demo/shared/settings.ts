// Settings of a run: fields of the form, keys of the address, input of the worker. Ranges and defaults come from the table of
// a recipe's settings.
import { length, optimizer, prune, seed, timeSteps } from "../../src/recipe/training_settings.ts";

/** Names of `--method`, in the order of the form. */
export const METHODS = ["lats", "slats", "pgh", "linear", "sine", "str", "ltp", "gmp", "dense"] as const;
export type Method = (typeof METHODS)[number];

export const MODELS = ["lenet-bn", "resnet-8-narrow", "mobilenet-small", "spiking-cnn"] as const;
export type Model = (typeof MODELS)[number];

/** Element types of the activations; f16 needs a browser with shader-f16. */
export const PRECISIONS = ["f32", "f16"] as const;
export type Precision = (typeof PRECISIONS)[number];

export const SOURCES = ["mnist", "fashion-mnist", "files"] as const;
/** `files`: files that the visitor dropped on the page. */
export type Source = (typeof SOURCES)[number];

/** The settings of a recipe behind the numbers of the form, each with the part of its range that suits a page. */
const NUMBERS = {
  /** Time steps of the spiking network. */
  timeSteps: [timeSteps, { max: 16 }],
  /** Final threshold D of lats, slats, pgh, linear and sine. */
  threshold: [prune.threshold, { max: 1 }],
  /** Final sparsity of gmp, 0 to 1. */
  sparsity: [prune.sparsity, { min: 0.1, max: 0.99 }],
  /** Weight decay of STR's thresholds. */
  strDecay: [prune.str.decay, { max: 1 }],
  /** Price of each weight in LTP's loss. */
  ltpL0: [prune.ltp.l0, { max: 1000 }],
  epochs: [length.epochs, { max: 100 }],
  batchSize: [optimizer.batchSize, { min: 8, max: 512 }],
  lr: [optimizer.lr.base, { min: 0.0001, max: 1 }],
  momentum: [optimizer.momentum, { max: 0.99 }],
  seed: [seed, {}],
} as const;
export type NumberKey = keyof typeof NUMBERS;

export interface Settings extends Readonly<Record<NumberKey, number>> {
  readonly model: Model;
  readonly data: Source;
  readonly method: Method;
  /** Method of the second network, which has the same seed; `none`: one network only. */
  readonly against: Method | "none";
  readonly precision: Precision;
}

export const DEFAULTS: Settings = {
  model: "lenet-bn",
  timeSteps: 4,
  data: "mnist",
  method: prune.schedule.default,
  against: "dense",
  threshold: prune.threshold.default,
  sparsity: 0.9,
  strDecay: 0.02,
  ltpL0: 2,
  epochs: 8,
  batchSize: 64,
  lr: optimizer.lr.base.default,
  momentum: optimizer.momentum.default,
  precision: "f32",
  seed: seed.default,
};

interface Range {
  readonly min: number;
  readonly max: number;
  readonly whole: boolean;
}

/** Limits of the numbers, for the form, the address and the worker. */
export const RANGES = Object.fromEntries(
  Object.entries(NUMBERS).map(([key, [setting, part]]) => {
    const { kind, min = 0, max = Number.POSITIVE_INFINITY }: { kind: string; min?: number; max?: number } = setting;
    return [key, { min, max, ...part, whole: kind === "integer" }];
  }),
) as Readonly<Record<NumberKey, Range>>;
