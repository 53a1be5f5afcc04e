// The experiment of `npm run reproduce` as a table of methods, data, sparsities, seeds and epochs.
// Everything else is computed from the table: the list of runs, the recipe of each, and the hash of its recipe.

import { createHash } from "node:crypto";
import type { RecipeFlags } from "../../src/recipe/recipe.ts";
import { ArgumentError } from "../../src/text/index.ts";
import { AT_INIT_EPOCHS, METHOD_ORDER, type MethodName, methodSpec } from "./methods.ts";

export interface Block {
  readonly methods: readonly MethodName[];
  readonly levels: readonly number[];
  readonly seeds: readonly number[];
}

/** A data set with a model. Each pair is a table and a panel of the report. */
export interface Pair {
  readonly data: "mnist" | "fashion-mnist";
  readonly model: "lenet-bn" | "resnet-8-narrow";
  /** Training images per class. The test set is used whole. */
  readonly imagesPerClass: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly blocks: readonly Block[];
}

export interface Plan {
  readonly lr: number;
  readonly momentum: number;
  readonly weightDecay: number;
  /** Seed of the runs that find settings, which do not count. */
  readonly calibrationSeed: number;
  /** Largest number of runs of a search for the setting of one level. */
  readonly tries: number;
  readonly pairs: readonly Pair[];
}

const LEVELS = [0.8, 0.9, 0.95, 0.98];
const MAIN: readonly MethodName[] = [
  ...(["lats", "slats", "pgh", "linear", "sine"] as const),
  ...(["str", "ltp", "gmp", "early", "at-init"] as const),
];
const BASELINES: readonly MethodName[] = ["one-shot", "snip", "random"];
const FEW: readonly MethodName[] = ["lats", "sine", "str", "ltp", "gmp"];

const LENET = {
  model: "lenet-bn",
  imagesPerClass: 500,
  epochs: 8,
  batchSize: 64,
  blocks: [
    { methods: ["dense"], levels: [0], seeds: [0, 1, 2] },
    { methods: MAIN, levels: LEVELS, seeds: [0, 1, 2] },
    { methods: BASELINES, levels: LEVELS, seeds: [0] },
  ],
} as const satisfies Omit<Pair, "data">;

const RESNET = {
  model: "resnet-8-narrow",
  imagesPerClass: 200,
  epochs: 8,
  batchSize: 64,
  blocks: [
    { methods: ["dense"], levels: [0], seeds: [0, 1] },
    { methods: FEW, levels: [0.8, 0.95], seeds: [0, 1] },
  ],
} as const satisfies Omit<Pair, "data">;

/** The plan of `npm run reproduce`. */
export const PLAN: Plan = {
  lr: 0.1,
  momentum: 0.9,
  weightDecay: 0,
  calibrationSeed: 100,
  tries: 4,
  pairs: [
    { data: "mnist", ...LENET },
    { data: "fashion-mnist", ...LENET },
    { data: "mnist", ...RESNET },
    { data: "fashion-mnist", ...RESNET },
  ],
};

/** One number of a table: a method at a level, over its seeds. */
export interface Cell {
  readonly pair: Pair;
  readonly method: MethodName;
  /** Target share of zeros; 0 for dense. */
  readonly level: number;
}

/** A run whose result counts. */
export interface CountedRun {
  readonly id: string;
  readonly cell: Cell;
  readonly seed: number;
}

export const pairName = ({ data, model }: { readonly data: string; readonly model: string }): string =>
  `${data}/${model}`;
export const cellName = ({ pair, method, level }: Cell): string => `${pairName(pair)}/${method}/${level.toFixed(2)}`;
export const calibrationId = (cell: Cell, attempt: number): string => `${cellName(cell)}/c${attempt}`;

/** Return the allowed distance of the share of zeros from its level: one point, above 96 % a quarter of the remaining weights. */
export const toleranceAt = (level: number): number => Math.min(0.01, (1 - level) / 4);

/** Return the plan with the seeds 0 to count - 1 for all methods. */
export function withSeeds(plan: Plan, count: number): Plan {
  const seeds = Array.from({ length: count }, (_, i) => i);
  return {
    ...plan,
    pairs: plan.pairs.map((pair) => ({ ...pair, blocks: pair.blocks.map((block) => ({ ...block, seeds })) })),
  };
}

/** Return the plan without the missing data sets. */
export const withoutData = (plan: Plan, missing: readonly string[]): Plan => ({
  ...plan,
  pairs: plan.pairs.filter(({ data }) => !missing.includes(data)),
});

/**
 * List all counted runs in an order that covers the plan early: by seed, then level, then data and method.
 * Throws ArgumentError if two blocks of the table contain the same run.
 */
export function countedRuns(plan: Plan): CountedRun[] {
  const runs = plan.pairs.flatMap((pair, at) =>
    pair.blocks.flatMap((block) =>
      block.methods.flatMap((method) =>
        block.levels.flatMap((level) =>
          block.seeds.map((seed) => {
            const cell: Cell = { pair, method, level };
            return { at, id: `${cellName(cell)}/s${seed}`, cell, seed };
          }),
        ),
      ),
    ),
  );
  const ids = new Set<string>();
  for (const { id } of runs) {
    if (ids.has(id)) throw new ArgumentError(`plan: expected each run once, got ${id} twice`);
    ids.add(id);
  }
  const rank = (method: MethodName) => METHOD_ORDER.indexOf(method);
  return runs
    .sort(
      (a, b) =>
        a.seed - b.seed ||
        a.cell.level - b.cell.level ||
        a.at - b.at ||
        rank(a.cell.method) - rank(b.cell.method) ||
        a.id.localeCompare(b.id),
    )
    .map(({ id, cell, seed }) => ({ id, cell, seed }));
}

/** Check whether a setting must be found before the runs of a cell. */
export function isCalibrated({ method }: Pick<Cell, "method">): boolean {
  const { by } = methodSpec(method).told;
  return by === "threshold" || by === "search";
}

function common(plan: Plan, pair: Pair, seed: number): RecipeFlags {
  return {
    model: { name: pair.model },
    data: { name: pair.data, limit: pair.imagesPerClass },
    epochs: pair.epochs,
    finetuneEpochs: 0,
    batchSize: pair.batchSize,
    lr: { schedule: "cosine", base: plan.lr, warmupEpochs: 0, min: 0, per: "step" },
    momentum: plan.momentum,
    nesterov: false,
    weightDecay: plan.weightDecay,
    labelSmoothing: 0,
    augment: { crop: 0, flip: false },
    seed,
    // Each row of metrics waits for the GPU, and none is read here.
    logEvery: 50,
  };
}

/** Return the recipe of a run with `setting`. */
export function runRecipe(
  plan: Plan,
  { pair, method }: Omit<Cell, "level">,
  seed: number,
  setting: number,
): RecipeFlags {
  return { ...common(plan, pair, seed), prune: methodSpec(method).prune(setting, pair.epochs) };
}

/** Return the recipe of the run that steers to a level. Its last threshold is the setting of the cell. */
export function steeringRecipe(plan: Plan, { pair, method, level }: Cell): RecipeFlags {
  const { threshold: _, ...prune } = methodSpec(method).prune(1, pair.epochs);
  const recipe = common(plan, pair, plan.calibrationSeed);
  if (method !== "at-init") return { ...recipe, prune: { ...prune, sparsity: level } };
  // The mask is found by a short run with a soft threshold and the highest learning rate. That run is steered.
  return {
    ...recipe,
    epochs: AT_INIT_EPOCHS,
    lr: { schedule: "constant", base: plan.lr },
    prune: { method: "soft", schedule: prune.schedule ?? "lats", sparsity: level },
  };
}

/** Hash what the runs of a pair and method have in common. Runs with different hashes cannot be compared. */
export function markOf(plan: Plan, pair: Pair, method: MethodName): string {
  const what = JSON.stringify([
    runRecipe(plan, { pair, method }, 0, 0.5),
    isCalibrated({ method }) ? plan.calibrationSeed : null,
  ]);
  return createHash("sha256").update(what).digest("hex").slice(0, 8);
}
