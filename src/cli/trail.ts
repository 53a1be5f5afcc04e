// `espalier trail`: shows the models of a run's epochs, from dense to sparse, and chooses one.

import { existsSync, statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { Command } from "commander";
import { expectFinite, readModelWeights, scoreOfPoint, Trail, type TrailEntry, writeSafetensors } from "../internal.ts";
import { FolderLock, makeFolder, RunDirectory } from "../node_internal.ts";
import { type Choice, chooseEntry, frontEpochs, type TrailRules } from "../report/trail_choice.ts";
import { compressionText, renderTrailTable } from "../report/trail_table.ts";
import { figureLines, NO_FIGURE, writeFigure } from "../run/figures.ts";
import { writeOutput } from "../run/output_file.ts";
import { number } from "../terminal/arguments.ts";
import { UsageError } from "../terminal/fail.ts";
import type { Output } from "../terminal/output.ts";
import { metricText, percent, plural } from "../text/index.ts";
import { type Done, finish, jsonOption } from "./options.ts";

export interface TrailFlags extends TrailRules {
  /** The run's folder. */
  readonly run: string;
  /** File that receives the chosen model. */
  readonly export?: string | undefined;
  /** Export dense weights under PyTorch's names instead of masks and values. */
  readonly dense?: boolean | undefined;
  /** Overwrite an existing file. */
  readonly overwrite?: boolean | undefined;
}

async function readTrail(run: string): Promise<{ directory: RunDirectory; entries: TrailEntry[] }> {
  if (!existsSync(run)) throw new UsageError(`${run}: no such folder`);
  if (!statSync(run).isDirectory()) throw new UsageError(`${run}: expected a run's folder, got a file`);
  const directory = new RunDirectory(run);
  let entries: TrailEntry[];
  try {
    entries = await Trail.read(directory);
  } catch (cause) {
    if (cause instanceof RangeError) throw new UsageError(`${run}: ${cause.message}`);
    throw cause;
  }
  if (entries.length === 0) throw new UsageError(`${run}: has no trail; train with --trail to save one`);
  return { directory, entries };
}

/** Check the flags of an export, before any file is read or written. Errors: UsageError. */
function checkExport(flags: TrailFlags): void {
  const { export: file, dense, overwrite } = flags;
  if (file === undefined) {
    if (dense || overwrite) throw new UsageError(`--${dense ? "dense" : "overwrite"}: expected --export with it`);
    return;
  }
  const rules = [flags.minAccuracy, flags.maxDrop, flags.bound, flags.sparsity, flags.epoch];
  if (rules.every((rule) => rule === undefined))
    throw new UsageError(
      "--export: expected --min-accuracy, --max-drop, --bound, --sparsity or --epoch, to choose a model",
    );
  if (!file.endsWith(".safetensors")) throw new UsageError(`--export: expected a .safetensors file, got ${file}`);
  if (dense && file.endsWith(".sparse.safetensors"))
    throw new UsageError(`--export: expected another name than ${file}, since --dense is given`);
  if (existsSync(file) && !overwrite) throw new UsageError(`${file}: exists already; give --overwrite`);
}

/** Write the chosen model. Reads it first, so that a corrupt file is reported and not copied. */
async function exportModel(directory: RunDirectory, { entry }: Choice, file: string, dense: boolean): Promise<void> {
  const bytes = await directory.read(entry.file);
  const { weights, metadata } = readModelWeights(bytes, directory.path(entry.file));
  expectFinite(directory.path(entry.file), weights);
  makeFolder(dirname(file));
  if (!dense) return writeOutput(file, bytes, "espalier trail");
  const { format: _, shapes: __, ...about } = Object.fromEntries(metadata);
  await writeOutput(file, writeSafetensors(weights, about), "espalier trail");
}

/**
 * Show a run's trail as a table and a figure, and choose a model by a rule. Returns the exit code.
 *
 * Errors   UsageError: no run or no trail, flags that contradict each other, or no model that satisfies the rule.
 */
export async function runTrail(flags: TrailFlags, out: Output): Promise<number> {
  checkExport(flags);
  const { directory, entries } = await readTrail(flags.run);
  const front = frontEpochs(entries);
  const choice = chooseEntry(flags.run, entries, flags);
  out.say(renderTrailTable(entries, front, choice?.entry.epoch ?? null), "rendered");

  const title = `Trail of ${basename(resolve(flags.run))}: ${plural(entries.length, "model")}`;
  // A running run locks its folder: its trail can be read, but no figure written.
  const holder = FolderLock.holderOf(flags.run);
  let figure = NO_FIGURE;
  if (holder === null) {
    using _lock = await FolderLock.take(flags.run, { command: "espalier trail", note: (line) => out.say(line) });
    figure = await writeFigure(
      { directory, out, name: "trail/trail" },
      () => import("../report/trail_plot.ts"),
      ({ renderTrailPlot }) => renderTrailPlot(entries, front, choice, { title }),
    );
  } else out.say(`no figure written: ${flags.run} is in use by ${holder}`);

  if (choice && flags.export !== undefined) await exportModel(directory, choice, flags.export, flags.dense ?? false);
  for (const line of words(directory, choice, flags, figureLines("figure", figure))) out.say(line);
  for (const entry of entries) out.emit({ kind: "trail", ...entry, front: front.has(entry.epoch) });
  out.emit({
    kind: "result",
    run: flags.run,
    ...bestOfTrail(entries),
    choice: choice ? { ...choice.entry, because: choice.because } : null,
    exported: flags.export ?? null,
    figure: figure.svg,
  });
  return 0;
}

function words(directory: RunDirectory, choice: Choice | null, flags: TrailFlags, figure: string[]): string[] {
  if (!choice) return figure;
  const { entry, because } = choice;
  const { metric, value } = scoreOfPoint(entry);
  const measured = `${metric} ${metricText(metric, value)}, sparsity ${percent(entry.sparsity)}, ${compressionText(entry.sparsity)}`;
  const layout = flags.dense ? "dense layout, PyTorch names" : "sparse";
  return [
    `epoch ${entry.epoch}, ${because}: ${measured}`,
    ...figure,
    `model          ${directory.path(entry.file)}`,
    ...(flags.export === undefined ? [] : [`exported       ${flags.export}  (${layout})`]),
  ];
}

/** Return the best score of a trail, and its metric. */
function bestOfTrail(entries: readonly TrailEntry[]): { readonly metric: string; readonly best: number } {
  const scores = entries.map(scoreOfPoint);
  const { metric, better } = scores[0]!;
  const values = scores.map(({ value }) => value);
  return { metric, best: better === "higher" ? Math.max(...values) : Math.min(...values) };
}

/** Add the options and the action of `trail`. */
export function addTrailCommand(command: Command, done: Done): void {
  command
    .description(
      "Shows the progressively sparser models that `espalier train --trail` saved, as a table and a figure of accuracy against sparsity, and chooses one by a rule. A model is on the front if every other is less sparse or less accurate.",
    )
    .argument("<run>", "folder of the run")
    .option("--min-accuracy <share>", "choose the sparsest model at least this accurate: 0.98, or 98", number)
    .option(
      "--max-drop <points>",
      "choose the sparsest model within this many percentage points of the best accuracy",
      number,
    )
    .option(
      "--bound <value>",
      "choose the sparsest model whose metric is at least this good, such as an rmse of 0.3",
      number,
    )
    .option("--sparsity <share>", "choose the most accurate model at least this sparse: 0.95, or 95", number)
    .option("--epoch <n>", "choose the model of epoch n", number)
    .option("--export <file>", "write the chosen model to this .safetensors file")
    .option("--dense", "export dense weights under PyTorch's names, instead of masks and values")
    .option("--overwrite", "overwrite an existing file");
  jsonOption(command)
    .addHelpText(
      "after",
      `
Examples
  $ espalier trail runs/a                       the table and the figure
  $ espalier trail runs/a --max-drop 0.5        the sparsest that loses at most half a point
  $ espalier trail runs/a --sparsity 0.95       the most accurate with 95 % zeros or more
  $ espalier trail runs/a --min-accuracy 0.98 --export small.sparse.safetensors`,
    )
    .action((run: string, flags: Omit<TrailFlags, "run">) => finish(done, runTrail, { ...flags, run }));
}
