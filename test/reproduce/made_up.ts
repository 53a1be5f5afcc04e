// A small experiment and simulated results for the tests: no GPU, no data, random only by seed.
import { join, resolve } from "node:path";
import type { ResultLine } from "../../tools/reproduce/lines.ts";
import { type Outcome, type PlanRun, runPlan } from "../../tools/reproduce/loop.ts";
import { sharedMethods } from "../../tools/reproduce/methods.ts";
import { cellsOf, type Experiment, experimentFrom, type Task } from "../../tools/reproduce/plan.ts";
import { Tries } from "../../tools/reproduce/runs.ts";

export const FOLDER = resolve(import.meta.dirname, "../../tools/reproduce");

const SMALL = `
title: A small experiment
order: 1
about: Simulated.
figure: { kind: tradeoff }
base:
  model: { name: lenet-bn }
  data: { name: mnist, limit: 60 }
  epochs: 2
  batchSize: 128
  lr: { schedule: cosine, base: 0.1 }
  momentum: 0.9
  weightDecay: 0
  augment: { crop: 0, flip: false }
panels:
  - { name: wd0, title: no weight decay }
  - { name: wd5e-4, title: "weight decay 5e-4", set: { weightDecay: 5.0e-4 } }
groups:
  - { methods: [dense], seeds: 3 }
  - { methods: [lats, slats, linear, str, ltp, gmp, at-init], levels: [0.8, 0.98], seeds: 3 }
  - { methods: [shuffled at-init], levels: [0.8], seeds: 2, panels: [wd0] }
methods:
  shuffled at-init: { shuffled: at-init }
reference: lats
match: { tolerance: 0.001, tries: 6 }
recalibrate: 10
seconds: 10
`;

/** Make an experiment of a text of YAML. */
export const experimentOf = (text: string, name = "small"): Experiment =>
  experimentFrom(text, join("experiments", `${name}.yaml`), sharedMethods(FOLDER));

/** The small experiment, with parts of its text replaced. */
export const small = (...changes: readonly (readonly [string, string])[]): Experiment =>
  experimentOf(changes.reduce((text, [from, to]) => text.replace(from, to), SMALL));

const sigmoid = (y: number) => 1 / (1 + Math.exp(-y));

/** Simulate training: zeros rise with a method's knob and differ by seed, accuracy falls with zeros and shifts with the seed. */
export async function madeUpTraining({ recipe, shuffle, measure }: Task): Promise<Outcome> {
  const prune = recipe.prune ?? {};
  const seed = recipe.seed ?? 0;
  const { decay } = prune.str ?? {};
  const { l0 } = prune.ltp ?? {};
  const drift = 1 + 0.03 * Math.sin(7 * seed + 1);
  const sparsity = shuffle
    ? shuffle["conv1.weight"]!
    : decay !== undefined
      ? sigmoid(2.2 * Math.log(decay * drift) + 10)
      : l0 !== undefined
        ? sigmoid(1.3 * Math.log(l0 * drift) + 3)
        : prune.schedule === "none"
          ? 0
          : prune.method === "at-init"
            ? prune.sparsity! - 0.004
            : (prune.sparsity ?? 1 - Math.exp(-20 * drift * (prune.threshold ?? 0)));
  const better = prune.schedule === "lats" && prune.method === "soft" ? 0.003 : 0;
  const noise = 0.0004 * Math.sin(31 * seed + 100 * sparsity);
  const recalibrated = 0.99 - 0.02 * sparsity ** 4 + better + 0.001 * (seed % 7) + noise - (shuffle ? 0.05 : 0);
  const trace: Outcome["trace"] = [1, 2].map((epoch) => [epoch, 0.01 * epoch, 0.001 * epoch, 0.1, sparsity]);
  const tested = { accuracy: recalibrated - 0.01, recalibrated, sparsity };
  return {
    ...tested,
    loss: 1 - recalibrated,
    macs: 1000,
    sparseMacs: Math.round(1000 * (1 - sparsity)),
    threshold: prune.threshold ?? null,
    layers: { "conv1.weight": sparsity },
    trace,
    ...(measure.includes("activity")
      ? { activity: { macs: 10, synOps: Math.round(1e4 * (1 - sparsity)), energy: 9e3, rate: 0.1 } }
      : {}),
    ...(measure.includes("epochs") ? { epochs: [1, 2].map((epoch) => ({ epoch, ...tested })) } : {}),
    seconds: 10,
  };
}

export class Memory {
  readonly lines: ResultLine[] = [];
  append(line: ResultLine): void {
    this.lines.push(line);
  }
}

/** Start a simulated run of an experiment. */
export function start(experiment: Experiment, more: Partial<PlanRun> = {}) {
  const results = new Memory();
  const said: string[] = [];
  const say = (line: string) => void said.push(line);
  const cells = cellsOf([experiment]);
  const options: PlanRun = {
    cells,
    results,
    train: madeUpTraining,
    adapter: "made up",
    version: "1.2.3",
    say,
    ...more,
  };
  return { results, said, options, cells };
}

/** Return all results of an experiment. */
export async function madeUpResults(experiment: Experiment = small()): Promise<ResultLine[]> {
  const { results, options } = start(experiment);
  await runPlan(options);
  return results.lines;
}

export const madeUpTries = async (experiment: Experiment): Promise<Tries> => new Tries(await madeUpResults(experiment));
