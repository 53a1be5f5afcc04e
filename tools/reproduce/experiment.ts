// The loop of the experiment: runs what is missing from the results, in the order of the plan, one line per run. The function
// that trains a recipe is a parameter, so that this file can be tested without a GPU.

import type { RecipeFlags } from "../../src/recipe/recipe.ts";
import { UsageError } from "../../src/terminal/fail.ts";
import { percent, percentNumber } from "../../src/text/index.ts";
import type { ResultLine } from "./lines.ts";
import { methodSpec } from "./methods.ts";
import {
  type Cell,
  type CountedRun,
  calibrationId,
  cellName,
  countedRuns,
  isCalibrated,
  markOf,
  type Plan,
  pairName,
  runRecipe,
  steeringRecipe,
  toleranceAt,
} from "./plan.ts";
import { type SearchPoint, searchStep } from "./search.ts";

/** Result of a run. */
export interface Outcome {
  readonly accuracy: number;
  readonly sparsity: number;
  readonly loss: number;
  readonly seconds: number;
  /** Threshold after the last step. */
  readonly threshold: number;
  readonly layers: Readonly<Record<string, number>>;
}

/** Function that trains a recipe. It throws NonFiniteLossError if the loss is not finite. */
export type Train = (recipe: RecipeFlags) => Promise<Outcome>;

/** File of results. */
export interface Results {
  readonly lines: readonly ResultLine[];
  append(line: ResultLine): void;
}

export interface ExperimentOptions {
  readonly plan: Plan;
  readonly results: Results;
  readonly train: Train;
  readonly adapter: string;
  readonly version: string;
  readonly say: (line: string) => void;
  /** Filter of the counted runs; default all. The calibrations that they need are run too. */
  readonly wanted?: (run: CountedRun) => boolean;
  /** Called before each run; true stops the experiment. */
  readonly stop?: () => boolean;
}

/** Find the pair and the method of the plan that a line belongs to. */
function placeOf(plan: Plan, line: ResultLine) {
  const pair = plan.pairs.find((p) => pairName(p) === pairName(line));
  const method = pair?.blocks.flatMap((block) => block.methods).find((name) => name === line.method);
  return pair && method ? { pair, method } : null;
}

/** Check that a line was made with the current recipe of the plan. */
function isOfPlan(plan: Plan, line: ResultLine): boolean {
  const place = placeOf(plan, line);
  return place !== null && line.mark === markOf(plan, place.pair, place.method);
}

/** Throw UsageError if the results contain lines of another plan, whose numbers cannot be compared. */
export function checkPlan(plan: Plan, lines: readonly ResultLine[], file: string): void {
  const strange = lines.filter((line) => !isOfPlan(plan, line));
  const one = strange[0];
  if (!one) return;
  const place = placeOf(plan, one);
  const differs =
    place === null
      ? "which the plan does not have"
      : `made with ${budget(one)}, recipe ${one.mark}; the plan has ${budget(place.pair)}, recipe ${markOf(plan, place.pair, place.method)}`;
  const methods = [...new Set(strange.map((line) => `${pairName(line)}/${line.method}`))];
  throw new UsageError(
    `${file}: ${strange.length} of ${lines.length} lines are of another plan, the first ${one.id}, ${differs}. ` +
      `Their numbers do not compare: keep the file elsewhere, or drop lines with --fresh --only REGEX (concerns ${methods.join(", ")})`,
  );
}

const budget = (of: { readonly epochs: number; readonly imagesPerClass: number; readonly batchSize: number }) =>
  `${of.epochs} epochs of ${of.imagesPerClass} images a class in batches of ${of.batchSize}`;

/** Select the lines of one kind of a cell. */
export const linesOf = (lines: readonly ResultLine[], cell: Cell, kind: ResultLine["kind"]): ResultLine[] =>
  lines.filter((line) => line.kind === kind && line.id.startsWith(`${cellName(cell)}/`));

/** Next action before a cell's runs: none, a run to find its setting, or give up. */
type CalibrationStep =
  | { readonly kind: "ready"; readonly setting: number | null }
  | { readonly kind: "run"; readonly recipe: RecipeFlags; readonly setting: number | null; readonly attempt: number }
  | { readonly kind: "failed"; readonly reason: string };

/** Choose the next step towards the setting of a cell, given the lines so far. */
export function calibrationStep(plan: Plan, cell: Cell, lines: readonly ResultLine[]): CalibrationStep {
  const { told } = methodSpec(cell.method);
  if (told.by === "nothing") return { kind: "ready", setting: null };
  if (told.by === "sparsity") return { kind: "ready", setting: cell.level };
  // Runs of a cell differ only in the seed: later ones use the setting of the first.
  const counted = linesOf(lines, cell, "run")[0];
  if (counted) return { kind: "ready", setting: counted.setting };
  const own = linesOf(lines, cell, "calibration");
  const attempt = own.length + 1;
  if (told.by === "threshold") {
    const [last] = own;
    if (!last) return { kind: "run", recipe: steeringRecipe(plan, cell), setting: null, attempt };
    if (last.setting === null) return { kind: "failed", reason: last.failed ?? "the run that steers broke down" };
    return { kind: "ready", setting: last.setting };
  }
  // The search uses the results of all levels of a method.
  const points = lines.flatMap((line): SearchPoint[] => {
    const same = line.kind === "calibration" && line.method === cell.method;
    const here = same && line.setting !== null && pairName(line) === pairName(cell.pair);
    return here ? [{ setting: line.setting!, sparsity: line.sparsity }] : [];
  });
  const options = { ...told, target: cell.level, tolerance: toleranceAt(cell.level) };
  const step = searchStep(points, plan.tries - own.length, options);
  if (step.kind === "failed") return { kind: "failed", reason: "every setting tried broke down" };
  if (step.kind === "found") return { kind: "ready", setting: step.setting };
  const recipe = runRecipe(plan, cell, plan.calibrationSeed, step.setting);
  return { kind: "run", recipe, setting: step.setting, attempt };
}

/** Remaining work: counted runs, and one more task for each cell whose setting must be found. */
interface Work {
  readonly total: number;
  readonly done: number;
  /** Remaining counted runs, without those for which no setting was found. */
  readonly todo: readonly CountedRun[];
  /** Cells whose setting is still unknown. */
  readonly open: readonly Cell[];
}

export function workOf(
  plan: Plan,
  lines: readonly ResultLine[],
  wanted: (run: CountedRun) => boolean = () => true,
): Work {
  const runs = countedRuns(plan).filter(wanted);
  const there = new Set(lines.map((line) => line.id));
  const cells = new Map(runs.map(({ cell }) => [cellName(cell), cell]));
  const steps = new Map([...cells].map(([name, cell]) => [name, calibrationStep(plan, cell, lines).kind]));
  const todo = runs.filter(({ id, cell }) => !there.has(id) && steps.get(cellName(cell)) !== "failed");
  const open = [...cells.values()].filter((cell) => steps.get(cellName(cell)) === "run");
  const total = runs.length + [...cells.values()].filter(isCalibrated).length;
  return { total, done: total - todo.length - open.length, todo, open };
}

/** Write a finished run as a line for the terminal. */
export function progressLine(line: ResultLine, { done, total }: Pick<Work, "done" | "total">): string {
  const { data, model, method, level, kind, seed, accuracy, sparsity, failed, seconds, settingName, setting } = line;
  const name = [
    `${String(done).padStart(String(total).length)}/${total} `,
    data,
    model,
    method,
    ...(level > 0 ? [`${percentNumber(level)} %`] : []),
    kind === "run" ? `seed ${seed}` : "calibration",
  ].join(" ");
  const result =
    accuracy === null || sparsity === null
      ? `broke down: ${failed ?? "no result"}`
      : `${percent(accuracy).padStart(8)}  at ${percent(sparsity, 1).padStart(6)}`;
  const told = kind === "run" || setting === null ? "" : `   ${settingName} ${Number(setting.toPrecision(4))}`;
  return `${name.padEnd(52)}  ${result}  ${seconds.toFixed(1).padStart(6)} s${told}`;
}

/**
 * Run the selected runs that are missing. Each finished run is saved before its line is printed.
 * Returns "stopped" if `stop` ended it early.
 */
export async function runExperiment(options: ExperimentOptions): Promise<"finished" | "stopped"> {
  const { plan, results, say, stop = () => false } = options;
  const wanted = options.wanted ?? (() => true);
  const finish = (line: ResultLine) => {
    results.append(line);
    say(progressLine(line, workOf(plan, results.lines, wanted)));
  };
  for (const { id, cell, seed } of workOf(plan, results.lines, wanted).todo) {
    let step = calibrationStep(plan, cell, results.lines);
    while (step.kind === "run") {
      if (stop()) return "stopped";
      const { recipe, setting, attempt } = step;
      const own = { kind: "calibration", seed: plan.calibrationSeed, setting } as const;
      finish(await measure(options, cell, recipe, { id: calibrationId(cell, attempt), ...own }));
      step = calibrationStep(plan, cell, results.lines);
    }
    if (step.kind === "failed") {
      say(`${id}: left out, no setting was found: ${step.reason}`);
      continue;
    }
    if (stop()) return "stopped";
    const recipe = runRecipe(plan, cell, seed, step.setting ?? 0);
    finish(await measure(options, cell, recipe, { id, kind: "run", seed, setting: step.setting }));
  }
  return "finished";
}

/** Train, and return the line of results. A run whose loss is not finite is a result too. */
async function measure(
  { plan, train, adapter, version }: ExperimentOptions,
  cell: Cell,
  recipe: RecipeFlags,
  what: Pick<ResultLine, "id" | "kind" | "seed" | "setting">,
): Promise<ResultLine> {
  const { pair, method, level } = cell;
  const started = performance.now();
  const round = (x: number) => Number(x.toPrecision(7));
  let result: Pick<ResultLine, "accuracy" | "sparsity" | "loss" | "seconds" | "failed" | "layers">;
  let { setting } = what;
  try {
    const { threshold, layers, ...outcome } = await train(recipe);
    const shares = Object.entries(layers).map(([name, share]) => [name, Number(share.toFixed(5))]);
    result = {
      accuracy: outcome.accuracy,
      sparsity: round(outcome.sparsity),
      loss: round(outcome.loss),
      seconds: Number(outcome.seconds.toFixed(2)),
      layers: Object.fromEntries(shares) as Record<string, number>,
    };
    // A steered run is made for its last threshold.
    if (what.kind === "calibration" && setting === null) setting = threshold;
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "NonFiniteLossError") throw error;
    const seconds = Number(((performance.now() - started) / 1000).toFixed(2));
    result = { accuracy: null, sparsity: null, loss: null, seconds, failed: error.message };
  }
  const { failed, layers, seconds, ...numbers } = result;
  return {
    id: what.id,
    kind: what.kind,
    data: pair.data,
    model: pair.model,
    method,
    level,
    seed: what.seed,
    setting,
    settingName: methodSpec(method).setting,
    ...numbers,
    ...(failed === undefined ? {} : { failed }),
    seconds,
    epochs: pair.epochs,
    imagesPerClass: pair.imagesPerClass,
    batchSize: pair.batchSize,
    mark: markOf(plan, pair, method),
    adapter,
    version,
    ...(layers ? { layers } : {}),
  };
}
