// The experiment as a page of Markdown: the runs, their settings, the tables, and facts that follow from the numbers. All
// sentences are computed; none judges.

import { percent, plural } from "../../src/text/index.ts";
import { linesOf } from "./experiment.ts";
import { factLines } from "./facts.ts";
import type { ResultLine } from "./lines.ts";
import { type MethodName, methodSpec } from "./methods.ts";
import { levelText, markdownTable, spreadText } from "./numbers.ts";
import { isCalibrated, type Pair, type Plan, pairName, toleranceAt } from "./plan.ts";
import { bestOf, levelsOf, methodsOf, type Summary, summariesOf, summarize } from "./statistics.ts";

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];

interface Report {
  readonly plan: Plan;
  readonly lines: readonly ResultLine[];
}

/** Write the page. */
export function renderReport({ plan, lines }: Report): string {
  const measured = plan.pairs.filter((pair) => lines.some((line) => pairName(line) === pairName(pair)));
  return `${[
    "# Pruning methods at matched sparsities",
    "Written by `npm run reproduce` from the lines of `pruning_methods.jsonl`; the plan is `tools/reproduce/plan.ts`.",
    "![Accuracy against sparsity](pruning_methods.svg)",
    "## What was run",
    conditions(plan, lines),
    budgetTable(measured, lines),
    matching(plan),
    ...measured.flatMap((pair) => [
      `## ${pair.data}, ${pair.model}`,
      resultTable(pair, lines),
      ...factLines(pair, lines),
    ]),
    "## Settings",
    "Settings of the counted runs. Small: the sparsity that this setting reached with the calibration seed, and the number of calibration runs.",
    ...measured.flatMap((pair) => [`### ${pair.data}, ${pair.model}`, settingTable(plan, pair, lines)]),
  ].join("\n\n")}\n`;
}

function conditions({ lr, momentum, weightDecay }: Plan, lines: readonly ResultLine[]): string {
  const all = (key: "adapter" | "version") => unique(lines.map((line) => line[key])).join("; ") || "none yet";
  const minutes = lines.reduce((sum, line) => sum + line.seconds, 0) / 60;
  return [
    "- Command: `npm run reproduce`",
    `- Adapter: ${all("adapter")}; Espalier ${all("version")}`,
    `- Time: ${minutes.toFixed(0)} minutes of training and testing in ${lines.length} runs, including calibration`,
    `- Training: SGD, cosine learning rate from ${lr} to 0 at every step, momentum ${momentum}, weight decay ${weightDecay}, no augmentation; the first images of each class`,
    "- Testing: all 10,000 test images after the last epoch, not the best one; sparsity is the share of zeros among the weights of convolutions and linear layers",
    "- Spread: mean ± standard deviation over the seeds (n - 1); runs of the same seed have the same first weights and batches",
  ].join("\n");
}

function budgetTable(pairs: readonly Pair[], lines: readonly ResultLine[]): string {
  const rows = pairs.map((pair) => {
    const own = lines.filter((line) => pairName(line) === pairName(pair));
    const seconds = own.reduce((sum, line) => sum + line.seconds, 0);
    const counted = own.filter((line) => line.kind === "run").length;
    return [
      `${pair.data}, ${pair.model}`,
      ...[10 * pair.imagesPerClass, pair.epochs, pair.batchSize, counted, own.length - counted].map(String),
      (seconds / 60).toFixed(0),
    ];
  });
  const head = ["data, model", "training images", "epochs", "batch", "counted runs", "calibration runs", "minutes"];
  return markdownTable(head, rows);
}

function matching({ calibrationSeed, tries }: Plan): string {
  const close = Number((100 * toleranceAt(0.98)).toPrecision(3));
  return [
    `Settings are calibrated with a separate seed (${calibrationSeed}) that is not counted. For methods with one threshold for all layers, one run steers its threshold to the level, and the counted runs use the final threshold D of that run. For at-init, the steered part is the one epoch that finds the mask. `,
    `STR and LTP: their decay or price is searched until the sparsity is within 1 point of the level (${close} at 98 %), with at most ${tries} runs per level. `,
    "GMP, one-shot, SNIP and random masks get the level itself. † marks cells whose mean sparsity is further from the level; those with fewer zeros are left out of the comparison.",
  ].join("");
}

function resultTable(pair: Pair, lines: readonly ResultLine[]): string {
  const summaries = summariesOf(pair, lines);
  const levels = levelsOf(pair).filter((level) => level > 0);
  const most = Math.max(...summaries.map(({ accuracy }) => accuracy.n), 1);
  const dense = summaries.find(({ cell }) => cell.level === 0);
  const rows = methodsOf(pair)
    .filter((method) => method !== "dense")
    .map((method) => [method, ...levels.map((level) => resultCell(pair, method, level, summaries, lines, most))]);
  const denseText = dense
    ? `Dense: ${spreadText(dense.accuracy)} %${dense.accuracy.n === most ? "" : ` (n = ${dense.accuracy.n})`}. `
    : "";
  const counted = `Test accuracy in %, mean ± standard deviation of n = ${plural(most, "seed")} unless stated`;
  const note = `${denseText}${counted}. In small print: mean sparsity reached. Bold: the best method of the level, and those within one standard deviation of it.`;
  return `${note}\n\n${markdownTable(["method", ...levels.map(levelText)], rows)}`;
}

function resultCell(
  pair: Pair,
  method: MethodName,
  level: number,
  summaries: readonly Summary[],
  lines: readonly ResultLine[],
  most: number,
): string {
  if (!levelsOf(pair, method).includes(level)) return "";
  const summary = summarize({ pair, method, level }, lines);
  if (summary === null) return "not run";
  if (!("accuracy" in summary)) return `broke down (${summary.failed})`;
  const { accuracy, sparsity, failed, matched } = summary;
  const best = bestOf(summaries.filter(({ cell }) => cell.level === level));
  const bold = best?.level.some(({ cell }) => cell.method === method) ? "**" : "";
  const notes = [
    `${percent(sparsity.mean, 1)}${matched ? "" : " †"}`,
    ...(accuracy.n === most ? [] : [`n = ${accuracy.n}`]),
    ...(failed > 0 ? [`${failed} broke down`] : []),
  ];
  return `${bold}${spreadText(accuracy)}${bold} <sub>${notes.join(", ")}</sub>`;
}

function settingTable(plan: Plan, pair: Pair, lines: readonly ResultLine[]): string {
  const methods = methodsOf(pair).filter((method) => isCalibrated({ method }));
  const levels = unique(methods.flatMap((method) => levelsOf(pair, method))).sort((a, b) => a - b);
  const rows = methods.map((method) => [
    method,
    methodSpec(method).setting ?? "",
    ...levels.map((level) => settingCell(plan, pair, method, level, lines)),
  ]);
  return markdownTable(["method", "setting", ...levels.map(levelText)], rows);
}

function settingCell(
  { calibrationSeed }: Plan,
  pair: Pair,
  method: MethodName,
  level: number,
  lines: readonly ResultLine[],
): string {
  const cell = { pair, method, level };
  const setting = linesOf(lines, cell, "run")[0]?.setting;
  if (setting === undefined || setting === null) return "";
  // The run that chose it may belong to another level of the search.
  const made = lines.find(
    (line) =>
      line.kind === "calibration" &&
      line.seed === calibrationSeed &&
      line.method === method &&
      pairName(line) === pairName(pair) &&
      line.setting === setting,
  );
  const tries = linesOf(lines, cell, "calibration").length;
  const reached = made?.sparsity == null ? "" : ` <sub>${percent(made.sparsity, 1)}, ${tries}</sub>`;
  return `${Number(setting.toPrecision(4))}${reached}`;
}

/** Write the subtitle of the figure. */
export function figureNote(lines: readonly ResultLine[]): string {
  const runs = lines.filter((line) => line.kind === "run");
  const seeds = unique(runs.map((line) => line.seed)).length;
  return `Means of ${seeds === 1 ? "1 seed" : `up to ${seeds} seeds`}, bars of one standard deviation; ${runs.length} runs. Methods of one level are drawn next to each other.`;
}
