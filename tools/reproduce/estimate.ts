// Estimates the remaining time of the experiment from the finished runs.
import { duration } from "../../src/text/index.ts";
import { workOf } from "./experiment.ts";
import type { ResultLine } from "./lines.ts";
import { methodSpec } from "./methods.ts";
import { type CountedRun, type Plan, pairName } from "./plan.ts";
import { levelsOf, methodsOf } from "./statistics.ts";

/** Guessed number of runs that a search needs per level. */
const SEARCH_RUNS = 2.5;

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** Write an estimate to the minute: "about 1 h 7 min". */
export const aboutTime = (seconds: number): string => `about ${duration(60 * Math.max(1, Math.round(seconds / 60)))}`;

/** Estimate the remaining seconds, and count the remaining runs of data and models without any timing. */
export function secondsLeft(
  plan: Plan,
  lines: readonly ResultLine[],
  wanted?: (run: CountedRun) => boolean,
): { readonly seconds: number; readonly unknown: number } {
  const { todo, open } = workOf(plan, lines, wanted);
  const tasks = [
    ...todo.map(({ cell }) => ({ cell, kind: "run", weight: 1 })),
    ...open.map((cell) => ({
      cell,
      kind: "calibration",
      weight: methodSpec(cell.method).told.by === "search" ? SEARCH_RUNS : 1,
    })),
  ];
  let seconds = 0;
  let unknown = 0;
  for (const { cell, kind, weight } of tasks) {
    const ofPair = lines.filter((line) => pairName(line) === pairName(cell.pair));
    const ofMethod = ofPair.filter((line) => line.method === cell.method);
    const known = [ofMethod.filter((line) => line.kind === kind), ofMethod, ofPair].find((some) => some.length > 0);
    if (known) seconds += weight * mean(known.map((line) => line.seconds));
    else unknown += weight;
  }
  return { seconds, unknown: Math.round(unknown) };
}

/** Write the plan for the terminal: a row for each pair and method, then the sum. */
export function listLines(
  plan: Plan,
  lines: readonly ResultLine[],
  wanted: (run: CountedRun) => boolean = () => true,
): string[] {
  const rows = plan.pairs.flatMap((pair) => [
    `${pair.data} ${pair.model}: ${pair.imagesPerClass} images a class, ${pair.epochs} epochs, batch ${pair.batchSize}`,
    ...methodsOf(pair).flatMap((method) => {
      const own = (run: CountedRun) => run.cell.pair === pair && run.cell.method === method && wanted(run);
      const { total, done } = workOf(plan, lines, own);
      if (total === 0) return [];
      const levels = levelsOf(pair, method).map((level) => (level === 0 ? "dense" : `${Math.round(100 * level)} %`));
      return [`  ${method.padEnd(9)} ${levels.join(", ").padEnd(24)} ${`${done}/${total}`.padStart(8)} done`];
    }),
  ]);
  const { total, done } = workOf(plan, lines, wanted);
  const { seconds, unknown } = secondsLeft(plan, lines, wanted);
  const rest = [
    ...(seconds > 0 ? [`${aboutTime(seconds)} for those that resemble runs that are there`] : []),
    ...(unknown > 0 ? [`${unknown} of a kind that has not been timed`] : []),
  ];
  const left = total === done ? "nothing is left" : `left: ${rest.join(", ")}`;
  return [...rows, `${total} runs, one for each setting to find included; ${done} done; ${left}`];
}
