// The results of `espalier bench-model`, and their tables for the terminal.
import type { SparseLayerInfo, SpeedResult, SpeedSpread } from "../internal.ts";
import { printable } from "../terminal/terminal.ts";
import { count, kilobytes, percent, significant, times } from "../text/index.ts";
import { drawTable, styleOf, type TableOptions } from "./table.ts";

/** One way to run the network. */
export interface SpeedRow {
  readonly name: string;
  /** From the file to the first logits, in ms, kernels compiled. */
  readonly load: SpeedSpread;
  /** By batch size, in the order of the sizes. */
  readonly speed: readonly SpeedResult[];
  /** Test accuracy, 0 to 1. */
  readonly accuracy?: number;
  /** Kernels of the layers; empty for dense ones. */
  readonly kernels: readonly SparseLayerInfo[];
}

/** A file of the network. */
export interface SpeedFile {
  readonly layout: string;
  readonly bytes: number;
}

/** Everything that the command measured. */
export interface SpeedReport {
  readonly path: string;
  readonly model: string;
  /** Shape of one sample. */
  readonly sample: readonly number[];
  /** Share of zeros in the weights of two and more axes. */
  readonly zeros: number;
  readonly adapter: string;
  readonly software: boolean;
  readonly cores: number;
  /** Processes that were ready to run on average in the last minute, before the rounds. */
  readonly systemLoad: number;
  readonly rounds: number;
  readonly files: readonly SpeedFile[];
  readonly rows: readonly SpeedRow[];
  /** Reasons for parts that are missing. */
  readonly notes: readonly string[];
}

/** Return half the distance of the quartiles as a share of the median. */
const spreadShare = ({ median, low, high }: SpeedSpread): number => (median > 0 ? (high - low) / 2 / median : 0);

/** Write a spread as a share of the median. */
export const spreadWords = (spread: SpeedSpread): string => `± ${Math.round(100 * spreadShare(spread))} %`;

/** Write a time in ms. */
export const msWords = (ms: number): string => `${significant(ms)} ms`;

/** Write images per second, whole from a hundred on. */
export const rateWords = (rate: number): string => (rate >= 100 ? count(rate) : significant(rate));

/** Return the batch sizes of a report. */
export const batchesOf = ({ rows }: SpeedReport): number[] => (rows[0]?.speed ?? []).map(({ batch }) => batch);

/** Return the result of the smallest batch: the latency. */
export const latencyOf = ({ speed }: SpeedRow): SpeedResult => speed.reduce((a, b) => (b.batch < a.batch ? b : a));

/** Describe the machine and the rounds. */
export function conditionsOf(report: SpeedReport): string {
  const { adapter, software, cores, systemLoad, rounds } = report;
  const busy = systemLoad >= 0.5 ? `, shared machine: load ${systemLoad.toFixed(1)} before the rounds` : "";
  return `${adapter}${software ? " (software)" : ""}, ${count(cores)} cores${busy}; ${count(rounds)} interleaved rounds after a warm-up: median ± half the distance of the quartiles`;
}

/** Render the sizes of the files. */
export function renderFileTable({ files }: SpeedReport, options: TableOptions = {}): string {
  const dense = files[0]?.bytes ?? 0;
  const rows = files.map(({ layout, bytes }) => [
    printable(layout),
    kilobytes(bytes),
    dense > 0 ? (bytes / dense).toFixed(3) : "",
  ]);
  return drawTable([{ head: "file", left: true }, { head: "size" }, { head: "of dense" }], rows, styleOf(options));
}

/** Render the ways to run the network. */
export function renderSpeedTable(report: SpeedReport, options: TableOptions = {}): string {
  const batches = batchesOf(report);
  const least = Math.min(...batches);
  const tested = report.rows.some(({ accuracy }) => accuracy !== undefined);
  const columns = [
    { head: "network", left: true },
    { head: "load" },
    { head: `batch of ${count(least)}` },
    ...batches.flatMap((size) => [{ head: `images/s, ${count(size)}` }, { head: "of dense" }]),
    ...(tested ? [{ head: "accuracy" }] : []),
  ];
  const rows = report.rows.map((row) => [
    printable(row.name),
    `${msWords(row.load.median)} ${spreadWords(row.load)}`,
    `${msWords(latencyOf(row).milliseconds.median)} ${spreadWords(latencyOf(row).milliseconds)}`,
    ...row.speed.flatMap(({ imagesPerSecond, speedup }) => [
      `${rateWords(imagesPerSecond.median)} ${spreadWords(imagesPerSecond)}`,
      times(speedup),
    ]),
    ...(tested ? [row.accuracy === undefined ? "" : percent(row.accuracy)] : []),
  ]);
  return drawTable(columns, rows, styleOf(options));
}
