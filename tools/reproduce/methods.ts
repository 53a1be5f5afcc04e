// Settings of each method of the experiment: the one that controls its sparsity, and those that are the same in all runs.
import { methodSettings } from "../../src/recipe/methods.ts";
import type { RecipeFlags } from "../../src/recipe/recipe.ts";

type PruneFlags = NonNullable<RecipeFlags["prune"]>;

/**
 * The setting that controls how much a method prunes.
 * - `nothing`    it does not prune
 * - `sparsity`   the share of zeros itself
 * - `threshold`  a final threshold D, found by one run that steers to the share
 * - `search`     a number without a simple relation to the share, found by a search
 */
type ToldBy =
  | { readonly by: "nothing" }
  | { readonly by: "sparsity" }
  | { readonly by: "threshold" }
  | {
      readonly by: "search";
      /** Name of the setting in the table of calibrations. */
      readonly name: string;
      /** Guess for a sparsity of 90 %, made on MNIST with lenet-bn. */
      readonly first: number;
      /** Estimated growth of logit(sparsity) with ln(setting) before the first run. */
      readonly slope: number;
      readonly least: number;
      readonly most: number;
    };

interface MethodSpec {
  /** Name of the setting of a counted run, for the tables. */
  readonly setting: string | null;
  readonly told: ToldBy;
  /** Return the settings of a run of `epochs` epochs with `setting`. */
  prune(setting: number, epochs: number): PruneFlags;
}

const dense: MethodSpec = {
  setting: null,
  told: { by: "nothing" },
  prune: () => methodSettings("dense"),
};

const threshold = (name: string, own: (epochs: number) => PruneFlags = () => ({})): MethodSpec => ({
  setting: "threshold D",
  told: { by: "threshold" },
  prune: (setting, epochs) => methodSettings(name, { ...own(epochs), threshold: setting }),
});

const share = (name: string, own: (epochs: number) => PruneFlags = () => ({})): MethodSpec => ({
  setting: "sparsity",
  told: { by: "sparsity" },
  prune: (setting, epochs) => methodSettings(name, { ...own(epochs), sparsity: setting }),
});

/** First s of STR in all runs: a threshold of 2e-9, so that training begins dense. */
const STR_START = -20;
/** Settings of LTP that are the same in all runs: width of its gate and learning rate of its thresholds. */
const LTP_COMMON = { temperature: 1e-2, lr: 10 };
/** Epochs in which at-init finds its mask. */
export const AT_INIT_EPOCHS = 1;

export const METHODS = {
  dense,
  lats: threshold("lats"),
  slats: threshold("slats"),
  pgh: threshold("pgh"),
  linear: threshold("linear"),
  sine: threshold("sine"),
  str: {
    setting: "str.decay",
    told: { by: "search", name: "str.decay", first: 0.0145, slope: 2, least: 1e-5, most: 1 },
    prune: (decay) => methodSettings("str", { str: { start: STR_START, decay } }),
  },
  ltp: {
    setting: "ltp.l0",
    told: { by: "search", name: "ltp.l0", first: 0.35, slope: 0.35, least: 1e-4, most: 1e3 },
    // The first quarter of the run is dense, the next half prunes, and the rest trains the remaining weights.
    prune: (l0, epochs) => methodSettings("ltp", { startEpoch: epochs / 4, ltp: { l0, ...LTP_COMMON } }),
  },
  gmp: share("gmp"),
  early: threshold("early", (epochs) => ({ freezeEpoch: epochs / 2 })),
  "at-init": threshold("at-init", () => ({ initEpochs: AT_INIT_EPOCHS })),
  "one-shot": share("one-shot", (epochs) => ({ startEpoch: epochs / 2 })),
  snip: share("snip"),
  random: share("random"),
} as const satisfies Readonly<Record<string, MethodSpec>>;

export type MethodName = keyof typeof METHODS;
export const METHOD_ORDER = Object.keys(METHODS) as readonly MethodName[];

export const methodSpec = (name: MethodName): MethodSpec => METHODS[name];
