// The loop of the experiments: runs what is missing from the results, in the order of the plan, one line per run. The function
// that trains is a parameter, so that this file can be tested without a GPU.
import { percent } from "../../src/text/index.ts";
import type { ResultLine } from "./lines.ts";
import { type Cell, cellId, recipeOf, sourceOf, type Task } from "./plan.ts";
import { Queue } from "./queue.ts";
import { progressOf, stateOf, Tries } from "./runs.ts";

/** Result of a run. */
export type Outcome = Omit<
  ResultLine,
  "family" | "cell" | "level" | "seed" | "setting" | "recipe" | "failed" | "adapter" | "version"
>;

/** Function that trains. It throws an error of one of the BREAKDOWNS if the run has no result. */
export type Train = (task: Task) => Promise<Outcome>;

/** Errors that are results: a loss that is not finite, a network that has lost all paths. */
const BREAKDOWNS: ReadonlySet<string> = new Set(["NonFiniteLossError", "NonFiniteError", "DeadNetworkError"]);

/** File of results. */
export interface Results {
  readonly lines: readonly ResultLine[];
  append(line: ResultLine): void;
}

export interface PlanRun {
  readonly cells: readonly Cell[];
  readonly results: Results;
  readonly train: Train;
  /** Number of cells to work on at the same time, each by its own calls of `train`. Default 1. */
  readonly jobs?: number;
  readonly adapter: string;
  readonly version: string;
  readonly say: (line: string) => void;
  /** Called before each run of a cell; true ends the plan. */
  readonly stop?: (cell: Cell) => boolean;
}

/**
 * Make the runs that are missing. Each finished run is saved before its line is printed. Returns "stopped" if `stop` ended it
 * early. Runs in progress are finished and saved first, also if another one ends with an error.
 */
export async function runPlan(options: PlanRun): Promise<"finished" | "stopped"> {
  const tries = new Tries(options.results.lines);
  const { total, open } = progressOf(options.cells, tries);
  const queue = new Queue(open, tries);
  const plan: Plan = { options, tries, queue, total, done: total - open.length, isStopped: false };
  const working = new Set<Promise<void>>();
  const errors: unknown[] = [];
  for (;;) {
    while (working.size < (options.jobs ?? 1) && !plan.isStopped) {
      const cell = queue.take();
      if (cell === null) break;
      const work = finish(plan, cell)
        .catch((error: unknown) => {
          plan.isStopped = true;
          errors.push(error);
        })
        .finally(() => {
          queue.release(cell);
          working.delete(work);
        });
      working.add(work);
    }
    if (working.size === 0) break;
    await Promise.race(working);
  }
  if (errors.length > 0) throw errors[0];
  return plan.isStopped ? "stopped" : "finished";
}

interface Plan {
  readonly options: PlanRun;
  readonly tries: Tries;
  readonly queue: Queue;
  readonly total: number;
  /** Finished cells, without those that the queue has dropped. */
  done: number;
  /** True if no further run is to be started. */
  isStopped: boolean;
}

/** Make the runs of a cell, after those of the cell whose masks it shuffles, also if only the first was chosen. */
async function finish(plan: Plan, cell: Cell): Promise<void> {
  const { options, tries, queue, total } = plan;
  const { results, say, stop = () => false } = options;
  const waiting = stateOf(cell, tries);
  for (const next of waiting.kind === "waits" ? [waiting.source, cell] : [cell]) {
    for (let state = stateOf(next, tries); state.kind === "run"; state = stateOf(next, tries)) {
      plan.isStopped ||= stop(next);
      if (plan.isStopped) return;
      const line = await measure(options, next, state.setting, tries);
      results.append(line);
      tries.add(line);
      const ended = next === cell && !["run", "waits"].includes(stateOf(cell, tries).kind);
      if (ended) plan.done++;
      const done = String(plan.done + queue.dropped).padStart(String(total).length);
      say(progressLine(line, `${done}/${total}`));
    }
  }
  const state = stateOf(cell, tries);
  if (state.kind === "failed") say(`${cellId(cell)}: has no result: ${state.reason}`);
}

/** Write a finished run as a line for the terminal. */
export function progressLine(line: ResultLine, count: string): string {
  const { accuracy, recalibrated, sparsity, failed, seconds, setting, cell } = line;
  const both = [accuracy, ...(recalibrated === null ? [] : [recalibrated])].map((share) => percent(share ?? 0));
  const result =
    accuracy === null || sparsity === null
      ? `broke down: ${failed ?? "no result"}`
      : `${both.join(", ")} at ${percent(sparsity)} zeros`;
  const knob = setting === null ? "" : `   ${Number(setting.toPrecision(4))}`;
  return `${count}  ${cell.padEnd(56)}  ${result}  ${seconds.toFixed(1)} s${knob}`;
}

/** Train, and return the line of results. A run that breaks down is a result too. */
async function measure(
  { train, adapter, version }: PlanRun,
  cell: Cell,
  setting: number | null,
  tries: Tries,
): Promise<ResultLine> {
  const recipe = recipeOf(cell, setting);
  const source = sourceOf(cell);
  const from = source && stateOf(source, tries);
  const shuffle = from?.kind === "done" ? { shuffle: from.line.layers ?? {} } : {};
  const { level, seed, measure: measures } = cell;
  const { recalibrate } = cell.experiment;
  const common = { family: tries.family(cell), cell: cellId(cell), level, seed, setting };
  const about = { recipe: recipe as Record<string, unknown>, adapter, version };
  const started = performance.now();
  try {
    return { ...common, ...(await train({ recipe, measure: measures, recalibrate, ...shuffle })), ...about };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (!BREAKDOWNS.has(error.name)) {
      error.message = `${cellId(cell)}: ${error.message}`;
      throw error;
    }
    const seconds = Number(((performance.now() - started) / 1000).toFixed(2));
    const none = { accuracy: null, recalibrated: null, sparsity: null, loss: null, macs: null, sparseMacs: null };
    return { ...common, ...none, failed: error.message, seconds, ...about };
  }
}
