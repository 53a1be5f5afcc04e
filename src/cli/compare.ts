// `espalier compare`: compares finished runs on one self-contained page.
import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Command } from "commander";
import { importPackage } from "../node/packages.ts";
import { makeFolder, writeAtomic } from "../node_internal.ts";
import { readRuns } from "../report/compare_runs.ts";
import { rowOf, terminalTable } from "../report/compare_table.ts";
import { UsageError } from "../terminal/fail.ts";
import type { Output } from "../terminal/output.ts";
import { type Done, finish, jsonOption } from "./options.ts";

interface CompareFlags {
  /** Folders of finished runs. */
  readonly runs: readonly string[];
  /** Page to write, compare.html by default. */
  readonly out?: string;
  readonly title?: string;
}

const DEFAULT_OUT = "compare.html";
const DEFAULT_TITLE = "Comparison of runs";

function checkOut(path: string): void {
  // A slip such as `--out runs/a` must not overwrite a run's files.
  if (!/\.html?$/i.test(path)) throw new UsageError(`--out: expected an .html file, got ${path}`);
  if (existsSync(path) && statSync(path).isDirectory())
    throw new UsageError(`--out: expected an .html file, got the folder ${path}`);
}

/**
 * Write a page that compares runs, and print their table. Returns the exit code.
 *
 * Errors   UsageError: no run; a run that is missing, unfinished, corrupt or given twice; an `out` that is not .html.
 */
export async function runCompare(flags: CompareFlags, out: Output): Promise<number> {
  const path = flags.out ?? DEFAULT_OUT;
  checkOut(path);
  const runs = readRuns(flags.runs);
  // Loaded when needed: the chart libraries are the slowest part of start-up.
  const { comparePage } = await importPackage(
    "@observablehq/plot",
    "charts need",
    () => import("../report/compare_page.ts"),
  );
  const page = comparePage(runs, flags.title ?? DEFAULT_TITLE);
  makeFolder(dirname(path));
  await writeAtomic(path, new TextEncoder().encode(page));
  const rows = runs.map(rowOf);
  out.say(terminalTable(rows), "rendered");
  out.say(`page           ${path}`);
  out.emit({ kind: "compare", out: path, runs: rows });
  return 0;
}

/** Add the options and the action of `compare`. */
export function addCompareCommand(command: Command, done: Done): void {
  command
    .description(
      "Compares finished runs: a table, accuracy against sparsity, thresholds and L1 coefficients, layers, weights and changes of the masks. Writes one HTML file that needs no network and runs no script.",
    )
    .argument("<runs...>", "folders of finished runs")
    .option("--out <file>", "HTML page to write", DEFAULT_OUT)
    .option("--title <text>", "heading of the page", DEFAULT_TITLE);
  jsonOption(command)
    .addHelpText(
      "after",
      `
Examples
  $ espalier compare runs/a runs/b                        two runs, into compare.html
  $ espalier compare runs/* --out docs/sweep.html         all runs of a folder
  $ espalier compare runs/* --json                        the table for programs, too`,
    )
    .action((runs: string[], flags: Omit<CompareFlags, "runs">) => finish(done, runCompare, { ...flags, runs }));
}
