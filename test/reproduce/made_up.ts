// A small plan and simulated results for the tests of the experiment: no GPU, no data, random only by seed.

import type { RecipeFlags } from "../../src/recipe/recipe.ts";
import { type Outcome, runExperiment } from "../../tools/reproduce/experiment.ts";
import type { ResultLine } from "../../tools/reproduce/lines.ts";
import type { Plan } from "../../tools/reproduce/plan.ts";

export const SMALL: Plan = {
  lr: 0.1,
  momentum: 0.9,
  weightDecay: 0,
  calibrationSeed: 100,
  tries: 4,
  pairs: (["mnist", "fashion-mnist"] as const).map((data) => ({
    data,
    model: "lenet-bn",
    imagesPerClass: 60,
    epochs: 2,
    batchSize: 128,
    blocks: [
      { methods: ["dense"], levels: [0], seeds: [0, 1] },
      { methods: ["lats", "slats", "linear", "str", "ltp", "gmp", "at-init"], levels: [0.8, 0.98], seeds: [0, 1] },
    ],
  })),
};

const sigmoid = (y: number) => 1 / (1 + Math.exp(-y));

/** Simulate training: sparsity rises with a method's setting, accuracy falls with sparsity and shifts with the seed. */
export async function madeUpTraining(recipe: RecipeFlags): Promise<Outcome> {
  const prune = recipe.prune ?? {};
  const { decay } = prune.str ?? {};
  const { l0 } = prune.ltp ?? {};
  const dense = prune.schedule === "none";
  const told =
    decay !== undefined
      ? sigmoid(2.2 * Math.log(decay) + 12)
      : l0 !== undefined
        ? sigmoid(1.3 * Math.log(l0) + 3)
        : dense
          ? 0
          : (prune.sparsity ?? 1 - Math.exp(-20 * (prune.threshold ?? 0)));
  const seed = recipe.seed ?? 0;
  const sparsity = told;
  const better = prune.schedule === "lats" && prune.method === "soft" ? 0.003 : 0;
  const accuracy = 0.99 - 0.02 * sparsity ** 4 + better + 0.001 * (seed % 7);
  // What a steered threshold ends at: the one that gives this sparsity.
  const threshold = -Math.log(1 - sparsity) / 20;
  return { accuracy, sparsity, loss: 1 - accuracy, seconds: 10, threshold, layers: { "conv1.weight": sparsity } };
}

export class Memory {
  readonly lines: ResultLine[] = [];
  append(line: ResultLine): void {
    this.lines.push(line);
  }
}

/** All results of a plan. */
export async function madeUpResults(plan: Plan = SMALL): Promise<ResultLine[]> {
  const results = new Memory();
  const options = { plan, results, train: madeUpTraining, adapter: "made up", version: "1.2.3", say: () => {} };
  await runExperiment(options);
  return results.lines;
}
