// The page of `espalier bench-model`: one self-contained HTML file without scripts, for light and dark screens and for paper.
import * as Plot from "@observablehq/plot";
import { kernelCounts } from "../internal.ts";
import { count, kilobytes, percent, times } from "../text/index.ts";
import { chart } from "./chart.ts";
import { escapeXml, FONT } from "./figure.ts";
import { htmlPage } from "./html_page.ts";
import {
  batchesOf,
  conditionsOf,
  latencyOf,
  msWords,
  rateWords,
  type SpeedReport,
  type SpeedRow,
  spreadWords,
} from "./speed_report.ts";

const STYLE = `
:root { color-scheme: light dark; --ink: #1f2328; --faint: #59636e; --line: #d8dee4; --paper: #ffffff; --first: #6e7781; --bar: #0072b2; --other: #b45309; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --faint: #9198a1; --line: #30363d; --paper: #0d1117; --first: #8b949e; --bar: #4ba3dd; --other: #e0954a; } }
body { margin: 24px auto; max-width: 1040px; padding: 0 20px; font: 14px/1.45 ${FONT}; color: var(--ink); background: var(--paper); }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 16px; margin: 30px 0 2px; }
p { margin: 0 0 8px; color: var(--faint); max-width: 820px; } svg { max-width: 100%; height: auto; display: block; fill: var(--ink); color: var(--ink); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 12.5px; font-variant-numeric: tabular-nums; width: 100%; }
th, td { text-align: right; padding: 4px 7px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { vertical-align: bottom; border-bottom-color: var(--faint); } th:first-child, td:first-child { text-align: left; }
@media print { :root { --ink: #000; --faint: #444; --line: #ccc; --paper: #fff; --first: #6e7781; --bar: #0072b2; --other: #b45309; } body { margin: 0; max-width: none; } section { break-inside: avoid; } }`;

/** A bar of a chart. */
interface Bar {
  readonly name: string;
  readonly value: number;
  /** Quartiles. */
  readonly range?: readonly [number, number];
  /** Text at the end of the bar. */
  readonly text: string;
  readonly kind: "first" | "bar" | "other";
}

const ROW = 26;
const LEFT = 250;
const RIGHT = 170;

/** Draw horizontal bars with their numbers. */
function barChart(label: string, bars: readonly Bar[]): string {
  const most = bars.reduce((max, { value, range }) => Math.max(max, value, range?.[1] ?? 0), 0);
  return chart(
    {
      height: ROW * bars.length + 16,
      marginLeft: LEFT,
      marginRight: RIGHT,
      marginTop: 8,
      marginBottom: 8,
      x: { domain: [0, most > 0 ? most : 1], axis: null },
      y: { domain: bars.map(({ name }) => name), label: null, padding: 0.28 },
      marks: [
        Plot.axisY({ tickSize: 0, fontSize: 12.5, label: null }),
        Plot.barX(bars, { x: "value", y: "name", fill: ({ kind }: Bar) => `var(--${kind})` }),
        Plot.ruleY(
          bars.filter(({ range }) => range),
          {
            x1: ({ range }: Bar) => range![0],
            x2: ({ range }: Bar) => range![1],
            y: "name",
            stroke: "currentColor",
            strokeWidth: 1.5,
          },
        ),
        Plot.text(bars, {
          x: ({ value, range }: Bar) => Math.max(value, range?.[1] ?? 0),
          y: "name",
          text: "text",
          dx: 8,
          textAnchor: "start",
          fill: "currentColor",
          fontSize: 12.5,
        }),
      ],
      color: { type: "identity" },
    },
    label,
  );
}

function section(title: string, note: string, body: string): string {
  const text = note ? `<p>${escapeXml(note)}</p>\n` : "";
  return `<section>\n<h2>${escapeXml(title)}</h2>\n${text}${body}\n</section>`;
}

const kindOf = ({ name }: SpeedRow, i: number): Bar["kind"] =>
  i === 0 ? "first" : name.startsWith("ONNX") ? "other" : "bar";

function fileChart({ files }: SpeedReport): string {
  const dense = files[0]!.bytes;
  const bars = files.map(({ layout, bytes }, i): Bar => {
    const share = i === 0 ? "" : `, ${(bytes / dense).toFixed(3)} of dense`;
    return { name: layout, value: bytes, text: `${kilobytes(bytes)}${share}`, kind: i === 0 ? "first" : "bar" };
  });
  return section("Bytes on disk", "Sizes of real files, with their metadata.", barChart("Bytes on disk", bars));
}

function rateChart({ rows }: SpeedReport, at: number, batch: number): string {
  const bars = rows.map((row, i): Bar => {
    const { imagesPerSecond: rate, speedup } = row.speed[at]!;
    const ratio = i === 0 ? "" : `, ${times(speedup)}`;
    const range = [rate.low, rate.high] as const;
    return {
      name: row.name,
      value: rate.median,
      range,
      text: `${rateWords(rate.median)}${ratio}`,
      kind: kindOf(row, i),
    };
  });
  const title = `Images per second, batch of ${count(batch)}`;
  return section(
    title,
    "More is better. The factor is the median over the rounds, against dense in the same round.",
    barChart(title, bars),
  );
}

function timeChart(
  report: SpeedReport,
  title: string,
  note: string,
  spreadOf: (row: SpeedRow) => SpeedRow["load"],
): string {
  const bars = report.rows.map((row, i): Bar => {
    const { median, low, high } = spreadOf(row);
    return { name: row.name, value: median, range: [low, high], text: msWords(median), kind: kindOf(row, i) };
  });
  return section(title, note, barChart(title, bars));
}

function numbersTable(report: SpeedReport): string {
  const head = [
    ...["network", "load", "latency"],
    ...batchesOf(report).flatMap((size) => [`images/s, ${count(size)}`, "of dense"]),
    ...["accuracy", "difference"],
  ];
  const withSpread = (text: string, spread: SpeedRow["load"]) => `${text} ${spreadWords(spread)}`;
  const rows = report.rows.map((row) => {
    const { milliseconds } = latencyOf(row);
    const difference = row.speed.reduce((most, one) => Math.max(most, one.difference), 0);
    return [
      row.name,
      withSpread(msWords(row.load.median), row.load),
      withSpread(msWords(milliseconds.median), milliseconds),
      ...row.speed.flatMap(({ imagesPerSecond: rate, speedup }) => [
        withSpread(rateWords(rate.median), rate),
        times(speedup),
      ]),
      ...[row.accuracy === undefined ? "" : percent(row.accuracy), difference === 0 ? "" : difference.toExponential(1)],
    ];
  });
  const cells = (name: "th" | "td", texts: readonly string[]) =>
    `<tr>${texts.map((text) => `<${name}>${escapeXml(text)}</${name}>`).join("")}</tr>`;
  return `<div class="wide"><table><thead>${cells("th", head)}</thead><tbody>${rows.map((row) => cells("td", row)).join("\n")}</tbody></table></div>`;
}

/** Describe the kernels of the sparse forms. */
const kernelLines = ({ rows }: SpeedReport): string =>
  rows
    .filter(({ kernels }) => kernels.length > 0)
    .map(({ name, kernels }) => `${name}: ${kernelCounts(kernels)}.`)
    .join(" ");

/** Write the HTML document of a report. */
export function speedPage(report: SpeedReport): string {
  const { path, model, sample, zeros, notes } = report;
  const title = `${model}: bytes, load time and speed`;
  const sections = [
    fileChart(report),
    ...batchesOf(report).map((batch, at) => rateChart(report, at, batch)),
    timeChart(
      report,
      `Latency, batch of ${count(Math.min(...batchesOf(report)))}`,
      "From the samples on the host to the logits on the host. Less is better.",
      (row) => latencyOf(row).milliseconds,
    ),
    timeChart(
      report,
      "Load time",
      "From the file to the first logits, when the kernels are compiled. Less is better.",
      ({ load }) => load,
    ),
    section(
      "Numbers",
      `Median ± half the distance of the quartiles; difference: of the logits, as a share of the largest. ${kernelLines(report)}`,
      numbersTable(report),
    ),
    ...(notes.length > 0 ? [section("Not measured", notes.join(" "), "")] : []),
  ];
  const about = [`${path}: ${percent(zeros)} zeros, samples of ${sample.join(" x ")}.`, `${conditionsOf(report)}.`];
  return htmlPage(title, STYLE, [...about.map((text) => `<p>${escapeXml(text)}</p>`), ...sections].join("\n"));
}
