// The table of a comparison: the same rows as JSON, as HTML, and in the terminal.

import { printable, type Screen, terminalStyle } from "../terminal/terminal.ts";
import { compact, metricText, percent, significant, times } from "../text/index.ts";
import type { ComparedRun } from "./compare_runs.ts";
import { drawTable } from "./table.ts";

/** A row of the table, for programs: null for unknown values. Accuracy and sparsity are from 0 to 1. */
interface CompareRow {
  readonly [key: string]: unknown;
  readonly number: number;
  readonly run: string;
  readonly path: string;
  readonly method: string;
  readonly task: string | null;
  /** Null for runs of another metric. */
  readonly accuracy: number | null;
  readonly metric: string;
  readonly score: number;
  /** With the running statistics of training, if those of batch norm were re-estimated. */
  readonly rawAccuracy: number | null;
  readonly sparsity: number;
  readonly groupSparsity: number | null;
  readonly accuracyBeforeFinetune: number | null;
  readonly scoreBeforeFinetune: number | null;
  /** Weights over non-zero weights of the prunable layers. */
  readonly compression: number | null;
  /** Bits of all dense parameters over bits as bitmask and values. */
  readonly compressionBitmask: number | null;
  /** The same as compressed sparse rows. */
  readonly compressionCsr: number | null;
  readonly macs: number | null;
  readonly sparseMacs: number | null;
  /** L1 coefficient of the rising threshold at the end: (1 - momentum) * its step / learning rate. */
  readonly l1Threshold: number | null;
  /** L1 coefficient of the latent weights' decay at the end. */
  readonly l1Decay: number | null;
  readonly seconds: number | null;
  readonly seed: number | null;
}

export function rowOf(run: ComparedRun): CompareRow {
  return {
    number: run.number,
    run: run.name,
    path: run.path,
    method: run.method,
    task: run.task,
    accuracy: run.metric === "accuracy" ? run.score : null,
    metric: run.metric,
    score: run.score,
    rawAccuracy: run.rawAccuracy,
    sparsity: run.sparsity,
    groupSparsity: run.groupSparsity,
    accuracyBeforeFinetune: run.metric === "accuracy" ? (run.beforeFinetune?.score ?? null) : null,
    scoreBeforeFinetune: run.beforeFinetune?.score ?? null,
    compression: run.compression?.pruned.ratio ?? countRatio(run),
    compressionBitmask: run.compression?.model.bitmaskRatio ?? null,
    compressionCsr: run.compression?.model.csrRatio ?? null,
    macs: run.macs?.dense ?? null,
    sparseMacs: run.macs?.sparse ?? null,
    l1Threshold: run.traces.effective.at(-1)?.y ?? null,
    l1Decay: run.traces.decay.at(-1)?.y ?? null,
    seconds: run.seconds,
    seed: run.seed,
  };
}

function countRatio(run: ComparedRun): number | null {
  return run.sparsity < 1 ? 1 / (1 - run.sparsity) : null;
}

const NOTHING = "–";
const orNothing = <T>(value: T | null, show: (value: T) => string) => (value === null ? NOTHING : show(value));

interface Column {
  readonly head: string;
  /** Explanation, shown when the pointer is on the heading. */
  readonly title?: string;
  readonly left?: boolean;
  /** True for a column that only the wide HTML table has. */
  readonly wide?: boolean;
  show(row: CompareRow): string;
}

/** Heading of the column that has the name of the metric. */
const METRIC = "metric";

const COLUMNS: readonly Column[] = [
  { head: "#", show: (r) => String(r.number) },
  { head: "run", left: true, show: (r) => r.run },
  { head: "method", left: true, show: (r) => r.method },
  { head: METRIC, title: "test metric at the end", show: (r) => metricText(r.metric, r.score) },
  {
    head: "raw",
    title: "test accuracy with the running statistics of training, before those of batch norm were re-estimated",
    show: (r) => orNothing(r.rawAccuracy, percent),
  },
  {
    head: "before fine-tuning",
    title: "the same before fine-tuning",
    wide: true,
    show: (r) => orNothing(r.scoreBeforeFinetune, (score) => metricText(r.metric, score)),
  },
  { head: "sparsity", title: "zeros / weights of the prunable layers", show: (r) => percent(r.sparsity) },
  {
    head: "zero groups",
    title: "groups of weights without a live weight / groups of the prunable layers",
    show: (r) => orNothing(r.groupSparsity, percent),
  },
  {
    head: "fewer weights",
    title: "weights / non-zero weights of the prunable layers",
    show: (r) => orNothing(r.compression, times),
  },
  {
    head: "smaller as bitmask",
    title: "bits of all parameters, dense / one bit a weight and 32 a non-zero; other parameters dense",
    wide: true,
    show: (r) => orNothing(r.compressionBitmask, times),
  },
  {
    head: "smaller as CSR",
    title: "bits of all parameters, dense / compressed sparse rows; other parameters dense",
    wide: true,
    show: (r) => orNothing(r.compressionCsr, times),
  },
  {
    head: "multiply-adds",
    title: "of one sample, convolutions and linear layers: dense, then with zeros skipped",
    show: (r) => (r.macs === null || r.sparseMacs === null ? NOTHING : `${compact(r.macs)} → ${compact(r.sparseMacs)}`),
  },
  {
    head: "L1, threshold",
    title: "at the end: (1 - momentum) · step of the threshold / learning rate",
    wide: true,
    show: (r) => orNothing(r.l1Threshold, significant),
  },
  {
    head: "L1, decay",
    title: "at the end: weight decay · threshold",
    wide: true,
    show: (r) => orNothing(r.l1Decay, significant),
  },
  { head: "seconds", show: (r) => orNothing(r.seconds, (s) => (s < 100 ? s.toFixed(1) : s.toFixed(0))) },
  { head: "seed", show: (r) => orNothing(r.seed, String) },
];

/** Return the columns in which some run has a value. */
function columnsFor(rows: readonly CompareRow[]): readonly Column[] {
  const metric = rows[0]?.metric ?? METRIC;
  const named = COLUMNS.map((column) =>
    column.head === METRIC ? { ...column, head: metric, title: `test ${metric} at the end` } : column,
  );
  return named.filter((column) => rows.some((row) => column.show(row) !== NOTHING));
}

/** Write rows as an HTML table; `chip` returns the mark before a run's number. */
export function htmlTable(
  rows: readonly CompareRow[],
  escapeHtml: (text: string) => string,
  chip: (row: CompareRow) => string,
): string {
  const columns = columnsFor(rows);
  const cell = (tag: string, column: Column, content: string, more = "") =>
    `<${tag}${column.left ? ` class="left"` : ""}${more}>${content}</${tag}>`;
  const head = columns.map((c) => cell("th", c, escapeHtml(c.head), c.title ? ` title="${escapeHtml(c.title)}"` : ""));
  const body = rows.map((row) => {
    const cells = columns.map((c, i) => cell("td", c, (i === 0 ? chip(row) : "") + escapeHtml(c.show(row))));
    return `<tr>${cells.join("")}</tr>`;
  });
  return `<table>\n<thead><tr>${head.join("")}</tr></thead>\n<tbody>\n${body.join("\n")}\n</tbody>\n</table>`;
}

/** Draw the main columns for the terminal. */
export function terminalTable(rows: readonly CompareRow[], screen: Screen = process.stdout): string {
  const style = terminalStyle(screen);
  const columns = columnsFor(rows).filter((column) => !column.wide);
  const plain = (content: string) => content.replaceAll("–", "-").replaceAll("→", "->");
  const cells = rows.map((row) => columns.map((c) => printable(style.interactive ? c.show(row) : plain(c.show(row)))));
  return drawTable(columns, cells, style);
}
