// Loggers: receivers of a run's records, such as a table or a file of JSON lines.
import { ArgumentError, kindOf } from "../text/index.ts";
import type { RunRecord } from "./fit.ts";

/**
 * Receives the records of a run. Another program's logger takes a few lines:
 *
 *     const wandbLogger = { log: (record) => run.log({ ...record, layers: undefined }), close: () => run.finish() };
 *     const mlflowLogger = { log: ({ step, loss }) => client.logMetric(runId, "loss", loss, Date.now(), step) };
 *
 * TensorBoard: `tensorboardEvents` of `espalier/export` makes its event files, which W&B and MLflow import too.
 */
export interface Logger {
  /** Called for each record in order; awaited. */
  log(record: RunRecord): unknown;
  /** Called once: after the last record of a finished run, or when the session is disposed. Awaited after a finished run. */
  close?(): unknown;
}

/** Writes a piece of text at the end of a file, a console or a page. A promise is awaited. */
export type WriteText = (text: string) => unknown;

function expectWrite(name: string, write: WriteText): void {
  if (typeof write !== "function")
    throw new ArgumentError(`${name}: expected a function that writes text, got ${kindOf(write)}`);
}

/**
 * Make a logger of JSON lines: one record per line, complete. NaN and infinity are null.
 *
 * Errors   ArgumentError unless `write` is a function.
 * @example
 * const lines = [];
 * const logger = jsonLinesLogger((text) => lines.push(text));
 */
export function jsonLinesLogger(write: WriteText): Logger {
  expectWrite("jsonLinesLogger", write);
  return { log: (record) => write(`${JSON.stringify(record)}\n`) };
}

const COLUMNS = [
  ...["kind", "epoch", "step", "loss", "accuracy", "testLoss", "testAccuracy", "lr", "threshold", "sparsity"],
  ...["pruned", "regrown", "seconds"],
];

/**
 * Make a logger of comma-separated values: a line of names, then one line per record, with a column for each metric. A cell
 * without a value is empty, as are NaN and infinity. The values of single layers are left out.
 *
 * Errors   ArgumentError unless `write` is a function.
 * @example
 * let table = "";
 * const logger = csvLogger((text) => {
 *   table += text;
 * });
 */
export function csvLogger(write: WriteText): Logger {
  expectWrite("csvLogger", write);
  let columns: readonly string[] | null = null;
  return {
    log(record) {
      const metrics: Readonly<Record<string, number>> = record.metrics ?? {};
      const values: Readonly<Record<string, unknown>> = { ...record };
      const head = columns === null;
      columns ??= [...COLUMNS, ...Object.keys(metrics)];
      const cells = columns.map((name, i) => cell(i < COLUMNS.length ? values[name] : metrics[name]));
      return write(`${head ? `${columns.map(quoted).join(",")}\n` : ""}${cells.join(",")}\n`);
    },
  };
}

const quoted = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function cell(value: unknown): string {
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
  return typeof value === "string" ? quoted(value) : "";
}
