// Reads run directories for a comparison: results, settings and metrics.

import { existsSync, realpathSync, statSync } from "node:fs";
import { basename, join, resolve, sep } from "node:path";
import { type Compression, compression, readModelWeights, type WeightHistogram, weightHistogram } from "../internal.ts";
import { espalierCommand } from "../node/command_name.ts";
import { readRegularSync, readRegularTextSync } from "../node/regular_file.ts";
import { RunDirectory } from "../node_internal.ts";
import { UsageError } from "../terminal/fail.ts";
import { ArgumentError, isRecord } from "../text/index.ts";
import type { Point } from "./plot_data.ts";

type Json = Record<string, unknown>;

interface LayerResult {
  readonly name: string;
  readonly weights: number;
  readonly zeros: number;
}

/** The state at the end of an epoch. Values that a run did not log are null. */
export interface EpochResult {
  readonly epoch: number;
  readonly score: number | null;
  readonly sparsity: number | null;
  readonly pruned: number | null;
  readonly regrown: number | null;
  /** Intersection over union of the masks of all layers at this and the previous epoch's end. */
  readonly iou: number | null;
}

/** A finished run. Shares such as accuracy and sparsity are from 0 to 1; values that older versions did not write are null or empty. */
export interface ComparedRun {
  /** Position on the command line, from 1. */
  readonly number: number;
  readonly path: string;
  /** The shortest end of the path that is unique among the runs. */
  readonly name: string;
  readonly method: string;
  /** Model and data, e.g. `lenet-bn on mnist`. */
  readonly task: string | null;
  /** Settings as text; runs with equal text differ only in their seeds. */
  readonly settings: string;
  readonly seed: number | null;
  /** Measurement of the test set that the runs are compared by: accuracy, loss or a metric; and its value. */
  readonly metric: string;
  readonly score: number;
  /** Accuracy with the running statistics of training; null if they were not re-estimated. */
  readonly rawAccuracy: number | null;
  readonly sparsity: number;
  /** Share of zero groups; null if the run prunes single weights. */
  readonly groupSparsity: number | null;
  readonly seconds: number | null;
  readonly beforeFinetune: { readonly score: number; readonly sparsity: number } | null;
  readonly layers: readonly LayerResult[];
  readonly compression: Compression | null;
  readonly macs: { readonly dense: number; readonly sparse: number } | null;
  readonly epochs: readonly EpochResult[];
  /** Curves over epochs. L1 coefficients are in units of the task loss. */
  readonly traces: {
    readonly threshold: readonly Point[];
    readonly effective: readonly Point[];
    readonly decay: readonly Point[];
    readonly total: readonly Point[];
  };
  /** Magnitudes of the surviving weights, HISTOGRAM_BINS bins from 1e-8 to 100. */
  readonly histogram: WeightHistogram | null;
}

const RANGE: readonly [number, number] = [1e-8, 100];
export const HISTOGRAM_BINS = 100;

const finite = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null);
const record = (value: unknown): Json => (isRecord(value) ? value : {});
const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);
const list = (value: unknown): Json[] => (Array.isArray(value) ? value.map(record) : []);

function readJson(path: string): Json {
  try {
    return record(JSON.parse(readRegularTextSync(path)));
  } catch (cause) {
    throw new UsageError(`cannot read ${path} as JSON: ${(cause as Error).message}`);
  }
}

function checkFolders(paths: readonly string[]): void {
  if (paths.length === 0) throw new UsageError("compare: expected at least one run's directory, got none");
  const seen = new Map<string, string>();
  for (const path of paths) {
    if (!existsSync(path)) throw new UsageError(`${path}: no such directory`);
    if (!statSync(path).isDirectory()) throw new UsageError(`${path}: expected a run's directory, got a file`);
    if (!existsSync(join(path, "result.json"))) {
      const started = existsSync(join(path, "metrics.jsonl"));
      const hint = started
        ? `the run has not finished; continue it with ${espalierCommand()} train --resume ${path}`
        : "is it a run's directory?";
      throw new UsageError(`${path}: holds no result.json; ${hint}`);
    }
    const real = realpathSync(path);
    const other = seen.get(real);
    if (other !== undefined)
      throw new UsageError(
        `${path}: expected each run once, got it twice${other === path ? "" : `, also as ${other}`}`,
      );
    seen.set(real, path);
  }
}

/** Return the shortest ends of the paths that are all different. */
function shortNames(paths: readonly string[]): string[] {
  const parts = paths.map((path) => resolve(path).split(sep));
  const longest = Math.max(...parts.map((p) => p.length));
  for (let n = 1; n < longest; n++) {
    const names = parts.map((p) => p.slice(-n).join("/"));
    if (new Set(names).size === names.length) return names;
  }
  return paths.map((path) => resolve(path));
}

function methodOf(result: Json, config: Json): string {
  const prune = record(config["prune"]);
  const method = text(result["method"]) ?? text(prune["method"]);
  const schedule = text(prune["schedule"]);
  const name = method === null || method === "soft" ? (schedule ?? method ?? "unknown") : method;
  return name === "none" ? "dense" : name;
}

function layersOf(result: Json): (LayerResult & { readonly shape: readonly number[] | null })[] {
  return list(result["layers"]).flatMap((layer) => {
    const [name, weights, zeros] = [text(layer["name"]), finite(layer["weights"]), finite(layer["zeros"])];
    if (name === null || weights === null || zeros === null || weights < 1) return [];
    const shape = Array.isArray(layer["shape"]) ? (layer["shape"] as number[]) : null;
    return [{ name, weights, zeros, shape }];
  });
}

function compressionOf(path: string, result: Json): Compression | null {
  const layers = layersOf(result);
  const parameters = finite(result["parameters"]);
  const shaped = layers.flatMap(({ name, zeros, shape }) => (shape ? [{ name, zeros, shape }] : []));
  if (parameters === null || layers.length === 0 || shaped.length < layers.length) return null;
  try {
    return compression(shaped, parameters - layers.reduce((n, l) => n + l.weights, 0));
  } catch (cause) {
    throw new UsageError(`${join(path, "result.json")}: ${(cause as Error).message}`);
  }
}

/** Return the value of a measurement in a row of an epoch. */
function scoreIn(row: Json, metric: string): number | null {
  if (metric === "accuracy") return finite(row["testAccuracy"]);
  return finite(metric === "loss" ? row["testLoss"] : record(row["metrics"])[metric]);
}

function epochsOf(rows: readonly Json[], metric: string): EpochResult[] {
  const epochs = new Map<number, EpochResult>();
  for (const row of rows) {
    const epoch = finite(row["epoch"]);
    if (row["kind"] !== "epoch" || epoch === null) continue;
    const layers = list(row["layers"]);
    const sum = (key: string) => layers.reduce((n, layer) => n + (finite(layer[key]) ?? Number.NaN), 0);
    // Layers count from one epoch's end to the next; without layers, the row has sums over single steps.
    const [alive, pruned, regrown] = [sum("weights") - sum("zeros"), sum("pruned"), sum("regrown")];
    const union = alive + pruned;
    epochs.set(epoch, {
      epoch,
      score: scoreIn(row, metric),
      sparsity: finite(row["sparsity"]),
      pruned: layers.length > 0 ? finite(pruned) : finite(row["pruned"]),
      regrown: layers.length > 0 ? finite(regrown) : finite(row["regrown"]),
      iou: layers.length > 0 ? finite(union === 0 ? 1 : (alive - regrown) / union) : null,
    });
  }
  return [...epochs.values()].sort((a, b) => a.epoch - b.epoch);
}

/** Return the median threshold of the layers, for methods with a threshold per layer. */
function layerThreshold(row: Json): number | null {
  const values = list(row["layers"]).flatMap((layer) => finite(layer["threshold"]) ?? []);
  values.sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)] ?? null;
}

function tracesOf(rows: readonly Json[]): ComparedRun["traces"] {
  const trace = (source: readonly Json[], value: (row: Json) => number | null): Point[] => {
    const points = new Map<number, number>();
    for (const row of source) {
      const [x, y] = [finite(row["epoch"]), value(row)];
      if (x !== null && y !== null) points.set(x, y);
    }
    return [...points].map(([x, y]) => ({ x, y })).sort((a, b) => a.x - b.x);
  };
  const steps = rows.filter((row) => row["kind"] === "step");
  const epochs = rows.filter((row) => row["kind"] === "epoch");
  const [effective, total] = [(row: Json) => finite(row["lambdaEffective"]), (row: Json) => finite(row["lambdaTotal"])];
  const decay = (row: Json) => {
    const [all, part] = [total(row), effective(row)];
    return finite(row["lambdaDecay"]) ?? (all === null || part === null ? null : Math.max(0, all - part));
  };
  const threshold = trace(steps, (row) => finite(row["threshold"]));
  return {
    threshold: threshold.some(({ y }) => y > 0) ? threshold : trace(epochs, layerThreshold),
    effective: trace(steps, effective),
    decay: trace(steps, decay),
    total: trace(steps, total),
  };
}

function histogramOf(path: string, layers: readonly LayerResult[]): WeightHistogram | null {
  const names = ["model.safetensors", "model.sparse.safetensors"];
  const file = names.map((name) => join(path, name)).find((p) => existsSync(p));
  if (!file || layers.length === 0) return null;
  const { weights } = readModelWeights(readRegularSync(file), file);
  const values = layers.flatMap(({ name }) => weights.get(name)?.data ?? []);
  if (values.length < layers.length) return null;
  try {
    return weightHistogram(values, HISTOGRAM_BINS, RANGE);
  } catch (cause) {
    throw new ArgumentError(`${file}: ${(cause as Error).message}`);
  }
}

function readRun(path: string, number: number, name: string): ComparedRun {
  const result = readJson(join(path, "result.json"));
  // Results of older versions have no metric but accuracy.
  const metric = text(result["metric"]) ?? "accuracy";
  const [score, sparsity] = [finite(result[metric === "accuracy" ? metric : "score"]), finite(result["sparsity"])];
  if (score === null || sparsity === null) {
    const missing = score !== null ? "sparsity" : metric === "accuracy" ? metric : "score";
    const problem = `${join(path, "result.json")}: ${missing}: expected a number, got ${JSON.stringify(result[missing])}`;
    throw new UsageError(problem);
  }
  const config = record(existsSync(join(path, "run.json")) ? readJson(join(path, "run.json"))["config"] : {});
  const rows = new RunDirectory(path).lines("metrics.jsonl").map(record);
  const layers = layersOf(result);
  const before = record(result["beforeFinetune"]);
  const beforeScore = finite(before[metric === "accuracy" ? metric : "score"]);
  const beforeSparsity = finite(before["sparsity"]);
  const report = record(result["report"]);
  const [dense, sparse] = [finite(report["macs"]), finite(report["sparseMacs"])];
  const [model, data] = [text(record(config["model"])["name"]), text(record(config["data"])["name"])];
  const { seed: _seed, out: _out, device: _device, ...settings } = config;
  return {
    number,
    path,
    name,
    method: methodOf(result, config),
    task: model && data ? `${model} on ${data}` : null,
    settings: Object.keys(config).length > 0 ? JSON.stringify(settings) : basename(path) + number,
    seed: finite(result["seed"]) ?? finite(config["seed"]),
    metric,
    score,
    rawAccuracy: finite(result["rawAccuracy"]),
    sparsity,
    groupSparsity: finite(result["groupSparsity"]),
    seconds: finite(result["seconds"]),
    beforeFinetune:
      beforeScore === null || beforeSparsity === null ? null : { score: beforeScore, sparsity: beforeSparsity },
    layers: layers.map(({ name: layer, weights, zeros }) => ({ name: layer, weights, zeros })),
    compression: compressionOf(path, result),
    macs: dense === null || sparse === null ? null : { dense, sparse },
    epochs: epochsOf(rows, metric),
    traces: tracesOf(rows),
    histogram: histogramOf(path, layers),
  };
}

/**
 * Read finished runs, in this order.
 *
 * Errors   UsageError if there is no run, a run is missing, unfinished or repeated, has another metric, or a result is not JSON or
 *          lacks accuracy or sparsity. SafetensorsError if a model file is corrupt.
 */
export function readRuns(paths: readonly string[]): ComparedRun[] {
  checkFolders(paths);
  const names = shortNames(paths);
  const runs = paths.map((path, i) => readRun(path, i + 1, names[i]!));
  const [first] = runs;
  const other = runs.find(({ metric }) => metric !== first!.metric);
  if (other) {
    const problem = `${other.path}: expected runs of one metric, ${first!.metric} as in ${first!.path}, got ${other.metric}`;
    throw new UsageError(problem);
  }
  return runs;
}
