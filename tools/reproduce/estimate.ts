// Estimates the remaining time of the plan, from timed runs where there are any.
import { duration } from "../../src/text/index.ts";
import { type Cell, type Experiment, filesOf } from "./plan.ts";
import { progressOf, stateOf, type Tries } from "./runs.ts";

/** Expected runs of a cell whose knob is searched: for the first seed, and for the others, which begin near the end. */
const FIRST_SEED = 3;
const OTHER_SEEDS = 2.2;

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** Write an estimate: "about 1 h 7 min". */
export const aboutTime = (seconds: number): string => `about ${duration(60 * Math.max(1, Math.round(seconds / 60)))}`;

/** Return the expected number of runs that a cell still needs. */
export function runsLeft(cell: Cell, tries: Tries): number {
  const state = stateOf(cell, tries);
  if (state.kind === "done" || state.kind === "failed") return 0;
  const expected = cell.method.search ? (cell.seed === 0 ? FIRST_SEED : OTHER_SEEDS) : 1;
  const mine = tries.of(cell).filter((line) => line.level === cell.level).length;
  return Math.max(1, Math.min(expected, cell.experiment.match.tries) - mine);
}

/** Return the expected seconds of a run: the mean of the same method in the same panel, of the panel, or the file's estimate. */
export function secondsOf(cell: Cell, cells: readonly Cell[], tries: Tries): number {
  const inPanel = cells.filter(({ experiment, panel }) => experiment === cell.experiment && panel === cell.panel);
  const ofMethod = inPanel.filter(({ method }) => method === cell.method);
  for (const some of [ofMethod, inPanel]) {
    const timed = some.flatMap((one) => tries.of(one).map(({ seconds }) => seconds));
    if (timed.length > 0) return mean(timed);
  }
  return cell.experiment.seconds;
}

/** Estimate the remaining seconds of some cells. */
export function secondsLeft(cells: readonly Cell[], tries: Tries): number {
  const known = new Map<string, number>();
  let sum = 0;
  for (const cell of cells) {
    const left = runsLeft(cell, tries);
    if (left === 0) continue;
    const kind = `${cell.experiment.name}/${cell.panel.name}/${cell.method.name}`;
    if (!known.has(kind)) known.set(kind, secondsOf(cell, cells, tries));
    sum += left * known.get(kind)!;
  }
  return sum;
}

/** Write the plan for the terminal: a row for each experiment, then the sum. `missing`: experiments without their files. */
export function planLines(cells: readonly Cell[], tries: Tries, missing: readonly Experiment[]): string[] {
  const experiments = [...new Set(cells.map(({ experiment }) => experiment))];
  const row = (name: string, done: number, total: number, rest: string) =>
    `  ${name.padEnd(20)} ${`${done}/${total}`.padStart(9)} cells done   ${rest}`;
  const rows = experiments.map((experiment) => {
    const own = cells.filter((cell) => cell.experiment === experiment);
    const { total, done } = progressOf(own, tries);
    const left = total === done ? "finished" : `${aboutTime(secondsLeft(own, tries))} left`;
    return row(experiment.name, done, total, left);
  });
  const { total, done } = progressOf(cells, tries);
  return [
    "The plan; estimates are for two CPU cores until runs were timed here:",
    ...rows,
    row("all", done, total, total === done ? "finished" : `${aboutTime(secondsLeft(cells, tries))} left`),
    ...missing.map((experiment) => {
      const files = filesOf(experiment).map((name) => `--file ${name}=PATH`);
      return `  ${experiment.name.padEnd(20)} left out: needs ${files.join(" ")}`;
    }),
  ];
}
