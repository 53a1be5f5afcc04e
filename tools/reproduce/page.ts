// An experiment as a page of Markdown: how it was run, a table for each panel and level, and facts that follow from the numbers.
// All sentences are computed; none judges.
import { mergeLayer } from "../../src/recipe/layers.ts";
import { compact, percent, plural } from "../../src/text/index.ts";
import { synOpsOf, trailOf } from "./drawings.ts";
import type { ResultLine } from "./lines.ts";
import { differenceText, intervalText, levelText, markdownTable, probabilityText, rounded } from "./numbers.ts";
import { cellsOf, type Experiment, type Panel } from "./plan.ts";
import type { Tries } from "./runs.ts";
import { ALPHA } from "./student.ts";
import type { Row } from "./summary.ts";

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];

interface Page {
  readonly experiment: Experiment;
  readonly rows: readonly Row[];
  readonly tries: Tries;
}

/** Write the page. */
export function pageOf({ experiment, rows, tries }: Page): string {
  const lines = linesOf(experiment, tries);
  const panels = experiment.panels.filter((panel) => rows.some((row) => row.panel === panel));
  return `${[
    `# ${experiment.title}`,
    `Written by \`npm run reproduce\` from the lines of \`runs.jsonl\`; the plan is \`tools/reproduce/experiments/${experiment.name}.yaml\`.`,
    experiment.about.trim(),
    `![${experiment.title}](${experiment.name}.svg)`,
    "## How it was run",
    conditions(experiment, rows, lines),
    budgetTable(experiment, rows, tries),
    ...panels.flatMap((panel) => panelParts(experiment, panel, rows)),
  ].join("\n\n")}\n`;
}

/** List the runs of an experiment, each once, tries included. */
function linesOf(experiment: Experiment, tries: Tries): ResultLine[] {
  return unique(cellsOf([experiment]).flatMap((cell) => tries.of(cell)));
}

function conditions(experiment: Experiment, rows: readonly Row[], lines: readonly ResultLine[]): string {
  const { base, match, recalibrate, reference } = experiment;
  const all = (key: "adapter" | "version") => unique(lines.map((line) => line[key])).join("; ") || "none yet";
  const { lr, momentum, augment } = base;
  const tests = rows.filter(({ against }) => against?.p != null).length;
  const crop = augment?.crop ? `random crops after padding by ${augment.crop}` : "no crops";
  return [
    `- Adapter: ${all("adapter")}; Espalier ${all("version")}`,
    `- Training: SGD, ${lr?.schedule} learning rate from ${lr?.base}, momentum ${momentum}; ${crop}, ${augment?.flip ? "flips" : "no flips"}. Equal seeds have equal first weights and batches`,
    "- Test: all test images after the last epoch, not the best one. The share of zeros and the multiply-adds are those of convolutions and linear layers",
    `- Batch norm: "raw" is the accuracy with the running statistics of training; "re-estimated" with those of ${recalibrate} training batches after it, without any change of the weights. Comparisons use the second`,
    `- Matching: for each seed, the setting of a method is searched until the share of zeros is within ${Number((100 * match.tolerance).toPrecision(3))} points of the level, with at most ${plural(match.tries, "run")}. Where none reaches it, the accuracies of the nearest runs on both sides are interpolated, if both are within a quarter of the remaining weights; a method whose share does not rise with its setting ends its search there. Else the row is marked † and the pair is left out of the tests`,
    `- Intervals: ± is half of a 95 % confidence interval of the mean (Student's t). Tests against ${reference}: paired by seed, two-sided, Student's t, with Holm's correction over the ${plural(tests, "test")} of this page`,
  ].join("\n");
}

/** Settings that panels may change, for the table of budgets. */
function settingsOf({ base }: Experiment, panel: Panel): Record<"images" | "epochs" | "batch" | "decay", string> {
  const all = mergeLayer(base, panel.set) as typeof base;
  const limit = all.data?.limit;
  return {
    images: limit === undefined ? "all" : `${limit} a class`,
    epochs: String(all.epochs),
    batch: String(all.batchSize),
    decay: String(all.weightDecay),
  };
}

function budgetTable(experiment: Experiment, rows: readonly Row[], tries: Tries): string {
  const cells = cellsOf([experiment]);
  const table = experiment.panels.map((panel) => {
    const own = unique(cells.filter((cell) => cell.panel === panel).flatMap((cell) => tries.of(cell)));
    const counted = rows.filter((row) => row.panel === panel).reduce((n, { results }) => n + results.size, 0);
    const seconds = own.reduce((sum, line) => sum + line.seconds, 0);
    const { images, epochs, batch, decay } = settingsOf(experiment, panel);
    return [panel.title, images, epochs, batch, decay, String(counted), String(own.length), (seconds / 60).toFixed(0)];
  });
  const head = ["panel", "training images", "epochs", "batch", "weight decay", "results", "runs with tries", "minutes"];
  return markdownTable(head, table);
}

function panelParts(experiment: Experiment, panel: Panel, rows: readonly Row[]): string[] {
  const own = rows.filter((row) => row.panel === panel);
  const dense = own.filter(({ level }) => level === 0);
  const levels = unique(own.map(({ level }) => level)).filter((level) => level > 0);
  return [
    `## ${panel.title}`,
    ...(dense.length > 0 ? [resultTable(experiment, dense)] : []),
    ...levels.flatMap((level) => {
      const at = own.filter((row) => row.level === level);
      return [`### ${levelText(level)} zeros`, resultTable(experiment, at), ...facts(experiment, level, at)];
    }),
    ...(experiment.figure.kind === "lambda" ? lambdaParts(own) : []),
    ...(experiment.figure.kind === "trail" ? own.flatMap(trailParts) : []),
  ];
}

/** Write the rows of one level, the most accurate first. */
function resultTable({ base: { epochs } }: Experiment, rows: readonly Row[]): string {
  const hasActivity = rows.some((row) => Number.isFinite(synOpsOf(row)));
  const sorted = [...rows].sort((a, b) => b.accuracy.mean - a.accuracy.mean);
  const head = ["method", "seeds", "zeros", "multiply-adds", "raw", "re-estimated", "difference", "p"];
  const body = sorted.map((row) => {
    const { against, missing, failed, interpolated } = row;
    const between = interpolated > 0 ? [`${interpolated} interpolated`] : [];
    const notes = [
      ...between,
      ...(missing > 0 ? [`${missing} to run`] : []),
      ...(failed > 0 ? [`${failed} broke down`] : []),
    ];
    return [
      `${row.method}${epochsText(row, epochs)}`,
      [String(row.results.size), ...notes].join(", "),
      `${rounded(row.sparsity.mean, 2)}${row.level > 0 && !row.matched ? " †" : ""}`,
      rounded(row.work.mean, 1),
      intervalText(row.raw),
      intervalText(row.accuracy),
      against
        ? `${differenceText(against)}${against.n < row.results.size ? ` (${plural(against.n, "pair")})` : ""}`
        : "",
      against?.p == null ? "" : probabilityText(against.p),
      ...(hasActivity ? [operationsText(row), energyText(row)] : []),
    ];
  });
  return markdownTable([...head, ...(hasActivity ? ["synaptic operations", "energy, nJ"] : [])], body);
}

/** Write the epochs of a method that has more or fewer than the others. */
function epochsText({ results }: Row, usual: number | undefined): string {
  const own = [...results.values()][0]?.line.recipe["epochs"];
  return own === usual ? "" : ` (${String(own)} epochs)`;
}

const operationsText = (row: Row): string => (Number.isFinite(synOpsOf(row)) ? compact(synOpsOf(row)) : "");

function energyText(row: Row): string {
  const energies = [...row.results.values()].flatMap(({ line }) => (line.activity ? [line.activity.energy] : []));
  return energies.length === 0 ? "" : (energies.reduce((a, b) => a + b, 0) / energies.length / 1000).toFixed(1);
}

/**
 * State what the numbers of a panel at one level say: the highest mean, the place of the reference, and which differences are
 * significant. Empty for fewer than two rows.
 */
export function facts({ reference }: Experiment, level: number, rows: readonly Row[]): string[] {
  if (rows.length < 2) return [];
  const sorted = [...rows].sort((a, b) => b.accuracy.mean - a.accuracy.mean);
  const best = sorted[0]!;
  const place = sorted.findIndex(({ method }) => method === reference) + 1;
  const significant = (sign: number) =>
    rows
      .filter(({ against }) => against?.p != null && against.p < ALPHA && sign * against.mean > 0)
      .map((r) => r.method);
  const [better, worse] = [significant(1), significant(-1)];
  const listed = (names: readonly string[]) => (names.length === 0 ? "none" : names.join("; "));
  const placed = place === 0 ? "" : ` ${reference} is number ${place} of ${rows.length}.`;
  const tested = rows.some(({ against }) => against?.p != null);
  const tests = tested
    ? `Significantly better than ${reference} (p < ${ALPHA}): ${listed(better)}. Significantly worse: ${listed(worse)}.`
    : "No difference is tested: that needs two seeds.";
  const mean = best.accuracy.n === 1 ? "accuracy" : "mean";
  return [
    `At ${levelText(level)}, the highest ${mean} is that of ${best.method}, ${intervalText(best.accuracy)} %.${placed} ${tests}`,
  ];
}

/** Write the range of lambda of each schedule, of its first seed. */
function lambdaParts(rows: readonly Row[]): string[] {
  const body = rows
    .filter(({ level }) => level > 0)
    .map((row) => {
      const trace = [...row.results.values()][0]?.line.trace ?? [];
      const values = trace.map(([, value]) => value).filter((value) => value > 0);
      if (values.length === 0) return [row.method, "0", "0", "", intervalText(row.accuracy)];
      const [low, high] = [Math.min(...values), Math.max(...values)];
      const show = (x: number) => String(Number(x.toPrecision(3)));
      return [row.method, show(low), show(high), show(high / low), intervalText(row.accuracy)];
    });
  const head = ["schedule", "least lambda", "largest lambda", "ratio", "re-estimated accuracy"];
  return ["Range of lambda over the recorded steps of the first seed:", markdownTable(head, body)];
}

/** Write the models of a trail, epoch by epoch. */
function trailParts(row: Row): string[] {
  const points = [...row.results.values()].some(({ line }) => line.epochs) ? trailOf(row) : [];
  if (points.length === 0) return [];
  const body = points.map(({ epoch, sparsity, accuracy }) => [
    String(epoch),
    percent(sparsity.mean),
    intervalText(accuracy),
  ]);
  return [`Models of ${row.method}, epoch by epoch:`, markdownTable(["epoch", "zeros", "re-estimated accuracy"], body)];
}
