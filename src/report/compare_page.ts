// The page of a comparison: one self-contained HTML file without scripts.
import { plural } from "../text/index.ts";
import { renumber } from "./chart.ts";
import { countChart, histogramCharts, layerChart, overlapChart, traceChart } from "./compare_charts.ts";
import { paletteFor } from "./compare_colors.ts";
import type { ComparedRun } from "./compare_runs.ts";
import { htmlTable, rowOf } from "./compare_table.ts";
import { tradeoffChart } from "./compare_tradeoff.ts";
import { escapeXml, FAINT, FONT, INK } from "./figure.ts";
import { htmlPage } from "./html_page.ts";

const STYLE = `
body { margin: 24px auto; max-width: 1040px; padding: 0 20px; font: 14px/1.45 ${FONT}; color: ${INK}; background: #fff; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 16px; margin: 34px 0 2px; } h3 { font-size: 13.5px; margin: 18px 0 0; }
p { margin: 0 0 8px; color: ${FAINT}; max-width: 820px; } svg { max-width: 100%; height: auto; display: block; }
.wide { overflow-x: auto; } .grid { display: flex; flex-wrap: wrap; gap: 12px 18px; } .grid svg { flex: 0 0 auto; }
table { border-collapse: collapse; font-size: 12.5px; font-variant-numeric: tabular-nums; width: 100%; }
th, td { text-align: right; padding: 4px 7px; border-bottom: 1px solid #d8dee4; } td { white-space: nowrap; }
th { vertical-align: bottom; border-bottom-color: ${FAINT}; } .left { text-align: left; } td.left { white-space: normal; overflow-wrap: anywhere; }
.chip { display: inline-block; width: 10px; height: 10px; border-radius: 5px; margin-right: 5px; }
@media print { body { margin: 0; max-width: none; } section { break-inside: avoid; } }`;

function section(title: string, note: string, body: string): string {
  const text = note ? `<p>${escapeXml(note)}</p>\n` : "";
  return `<section>\n<h2>${escapeXml(title)}</h2>\n${text}${body}\n</section>`;
}

const part = (title: string, body: string) => `<h3>${escapeXml(title)}</h3>\n${body}`;

/** Count the runs and name their tasks: accuracies of different tasks are not comparable. */
function subtitle(runs: readonly ComparedRun[]): string {
  const tasks = [...new Set(runs.map((run) => run.task ?? "a task that is not recorded"))];
  const count = plural(runs.length, "run");
  return tasks.length === 1 ? `${count}, ${tasks[0]}` : `${count} of different tasks: ${tasks.join("; ")}`;
}

function traces(runs: readonly ComparedRun[], palette: ReturnType<typeof paletteFor>): string {
  const charts = [
    ["Threshold", traceChart(runs, palette, "Threshold", (run) => run.traces.threshold)],
    [
      "L1 coefficient of the threshold's rise",
      traceChart(runs, palette, "L1, threshold", (run) => run.traces.effective),
    ],
    ["L1 coefficient in total, with weight decay", traceChart(runs, palette, "L1, total", (run) => run.traces.total)],
  ] as const;
  return charts
    .flatMap(([title, drawn]) => (drawn ? [part(`${title}${drawn.log ? ", log scale" : ""}`, drawn.svg)] : []))
    .join("\n");
}

/**
 * Write an HTML document that compares runs: table, accuracy against sparsity, traces, layers, weights, changes. Sections
 * without numbers are left out. The document uses no scripts and no network.
 */
export function comparePage(runs: readonly ComparedRun[], title: string): string {
  const palette = paletteFor(runs);
  const color = new Map(runs.map((run) => [run.number, palette.ofRun(run)]));
  const chip = ({ number }: { readonly number: number }) =>
    `<span class="chip" style="background:${color.get(number)}"></span>`;
  const tradeoff = tradeoffChart(runs, palette);
  const traced = traces(runs, palette);
  const layers = layerChart(runs, palette);
  const histograms = histogramCharts(runs, palette);
  const changes = [
    ["Pruned", countChart(runs, palette, "pruned")],
    ["Regrown", countChart(runs, palette, "regrown")],
    ["Overlap with the epoch before (intersection over union of the surviving weights)", overlapChart(runs, palette)],
  ].flatMap(([name, svg]) => (name && svg ? [part(name, svg)] : []));
  const sections = [
    section("Runs", "", `<div class="wide">\n${htmlTable(runs.map(rowOf), escapeXml, chip)}\n</div>`),
    section(tradeoff.title, tradeoff.note, tradeoff.svg),
    traced &&
      section(
        "Threshold and L1 coefficient",
        "A threshold that rises during training acts like an L1 penalty, in units of the loss: (1 - momentum) · its step / learning rate. Weight decay of the latent weights adds decay · threshold.",
        traced,
      ),
    layers &&
      section("Sparsity of each layer", "One bar per run; the axis is the log of the share of weights left.", layers),
    histograms.length > 0 &&
      section(
        "Weights that survived",
        "Magnitudes in all prunable layers together: per cent of the surviving weights in each bin, on a log scale, with the same axes for all runs.",
        `<div class="grid">\n${histograms.join("\n")}\n</div>`,
      ),
    changes.length > 0 &&
      section(
        "Pruned and regrown per epoch",
        "Weights that became zero, and zeros that became weights, on a log scale: from one epoch's end to the next, or summed over steps for runs without logged masks.",
        changes.join("\n"),
      ),
  ].filter((text): text is string => typeof text === "string" && text !== "");
  return renumber(htmlPage(title, STYLE, [`<p>${escapeXml(subtitle(runs))}</p>`, ...sections].join("\n")));
}
