// Summaries over the seeds: means with confidence intervals, and each method against the reference, seed by seed.
import type { ResultLine } from "./lines.ts";
import { type Cell, cellsOf, type Experiment, type Panel } from "./plan.ts";
import { type CellState, stateOf, type Tries } from "./runs.ts";
import { holm, type Interval, intervalOf, type PairedTest, pairedTest } from "./student.ts";

/** Result of a cell. */
interface CellResult {
  /** The run nearest to the level. */
  readonly line: ResultLine;
  readonly raw: number;
  readonly accuracy: number;
  readonly sparsity: number;
  /** True if the share of zeros is within the tolerance of its level, or the accuracies are those between two runs around it. */
  readonly matched: boolean;
  readonly interpolated: boolean;
}

/** A method at a level, over its seeds. */
export interface Row {
  readonly panel: Panel;
  readonly method: string;
  readonly level: number;
  readonly results: ReadonlyMap<number, CellResult>;
  /** Number of cells without a result because their runs broke down. */
  readonly failed: number;
  /** Number of cells that are still to be run. */
  readonly missing: number;
  /** Accuracy with the statistics of batch norm of training. */
  readonly raw: Interval;
  /** Accuracy with re-estimated statistics; for a network without batch norm equal to `raw`. */
  readonly accuracy: Interval;
  readonly sparsity: Interval;
  /** Multiply-adds with zeros skipped, as a share of all. */
  readonly work: Interval;
  /** True if each share of zeros is within the tolerance. */
  readonly matched: boolean;
  /** Number of seeds whose accuracy is interpolated between two runs around the level. */
  readonly interpolated: number;
  /** Accuracy minus that of the reference at the same seeds, over matched pairs; p is adjusted by Holm over the experiment. */
  readonly against: PairedTest | null;
}

/** Return the accuracy that counts: with re-estimated statistics if there are any. */
export const accuracyOf = ({ accuracy, recalibrated }: Pick<ResultLine, "accuracy" | "recalibrated">): number =>
  recalibrated ?? accuracy ?? 0;

type Means = Pick<Row, "raw" | "accuracy" | "sparsity" | "work">;

/** Compute the means over results, of which there is at least one. */
function meansOf(results: readonly CellResult[]): Means {
  const mean = (of: (result: CellResult) => number) => intervalOf(results.map(of));
  return {
    raw: mean(({ raw }) => raw),
    accuracy: mean(({ accuracy }) => accuracy),
    sparsity: mean(({ sparsity }) => sparsity),
    work: mean(({ line: { macs, sparseMacs } }) => (macs ? sparseMacs! / macs : 1)),
  };
}

/** Return the result of a finished cell: that of its run, or between two runs around its level. */
function resultOf({ line, matched, around }: Extract<CellState, { kind: "done" }>, level: number): CellResult {
  if (!around) {
    const own = { raw: line.accuracy!, accuracy: accuracyOf(line), sparsity: line.sparsity! };
    return { line, ...own, matched, interpolated: false };
  }
  const { below, above } = around;
  const part = (level - below.sparsity!) / (above.sparsity! - below.sparsity!);
  const between = (of: (one: ResultLine) => number) => of(below) + part * (of(above) - of(below));
  const own = { raw: between((one) => one.accuracy!), accuracy: between(accuracyOf), sparsity: level };
  return { line, ...own, matched: true, interpolated: true };
}

/** Summarise an experiment: rows by panel, level, then in the order of the methods. Rows without a result are left out. */
export function rowsOf(experiment: Experiment, tries: Tries): Row[] {
  const groups = new Map<string, Cell[]>();
  for (const cell of cellsOf([experiment])) {
    const key = `${cell.panel.name}/${cell.level}/${cell.method.name}`;
    groups.set(key, [...(groups.get(key) ?? []), cell]);
  }
  const rows = [...groups.values()].flatMap((cells) => rowOf(cells, tries));
  const tested = rows.map((row) => compare(row, rows, experiment.reference));
  const ps = tested.flatMap((test, i) => (test?.p == null ? [] : [{ i, p: test.p }]));
  const adjusted = new Map(holm(ps.map(({ p }) => p)).map((p, k) => [ps[k]!.i, p]));
  const order = (row: Row) => [...experiment.methods.keys()].indexOf(row.method);
  const place = (row: Row) => experiment.panels.indexOf(row.panel);
  return rows
    .map((row, i): Row => {
      const test = tested[i];
      return { ...row, against: test ? { ...test, p: adjusted.get(i) ?? null } : null };
    })
    .sort((a, b) => place(a) - place(b) || a.level - b.level || order(a) - order(b));
}

function rowOf(cells: readonly Cell[], tries: Tries): Row[] {
  const results = new Map<number, CellResult>();
  let failed = 0;
  let missing = 0;
  for (const cell of cells) {
    const state = stateOf(cell, tries);
    if (state.kind === "done" && state.line.accuracy !== null) results.set(cell.seed, resultOf(state, cell.level));
    else if (state.kind === "failed") failed++;
    else missing++;
  }
  if (results.size === 0) return [];
  const list = [...results.values()];
  const { panel, method, level } = cells[0]!;
  const interpolated = list.filter((result) => result.interpolated).length;
  const counts = { failed, missing, interpolated, matched: list.every(({ matched }) => matched) };
  return [{ panel, method: method.name, level, results, ...counts, ...meansOf(list), against: null }];
}

/** Compare a row with the reference of its panel and level; null for the reference, and without a matched pair. */
function compare(row: Row, rows: readonly Row[], reference: string): PairedTest | null {
  if (row.method === reference || row.level === 0) return null;
  const other = rows.find((r) => r.panel === row.panel && r.level === row.level && r.method === reference);
  const differences = [...row.results].flatMap(([seed, { accuracy, matched }]) => {
    const pair = other?.results.get(seed);
    return matched && pair?.matched ? [accuracy - pair.accuracy] : [];
  });
  return pairedTest(differences);
}
