// The trail of a run: the model at the end of each epoch, from dense to sparse, saved to choose from after the run.
import { writeSparseModel } from "../io/index.ts";
import type { StateDict } from "../nn/index.ts";
import { paretoFront } from "../prune/pareto.ts";
import { expectFinite, type TypedArray } from "../tensor/index.ts";
import { ArgumentError, expectKeys } from "../text/index.ts";
import type { ScoreValue } from "./score.ts";
import type { RunStore } from "./store.ts";

/** Measurements of a model of the trail. */
export interface TrailPoint {
  /** Epochs done. A later point of the same epoch replaces the earlier one. */
  readonly epoch: number;
  /** Optimiser steps done. */
  readonly step: number;
  /** Test accuracy, 0 to 1. */
  readonly accuracy: number;
  /** Test loss. A non-finite one is recorded as null and read as NaN. */
  readonly loss: number;
  /** Test accuracy with the running statistics of training; absent if those of batch norm were not re-estimated. */
  readonly rawAccuracy?: number;
  /** Zeros among prunable weights, 0 to 1. */
  readonly sparsity: number;
  /** Measurement that compares the models. Absent: accuracy, which may be NaN beside a score. */
  readonly score?: ScoreValue | undefined;
}

/** Return the measurement that compares the models of a trail. */
export const scoreOfPoint = ({ score, accuracy }: Pick<TrailPoint, "score" | "accuracy">): ScoreValue =>
  score ?? { metric: "accuracy", better: "higher", value: accuracy };

/** Return the indices of the points on the Pareto front of sparsity and score, by rising sparsity. */
export function trailFront(points: readonly TrailPoint[]): number[] {
  const merit = (point: TrailPoint) => {
    const { better, value } = scoreOfPoint(point);
    return better === "higher" ? value : -value;
  };
  return paretoFront(points.map((point) => ({ sparsity: point.sparsity, accuracy: merit(point) })));
}

export interface TrailEntry extends TrailPoint {
  /** Path of the model in the run's store; null if it was removed to save space. */
  readonly file: string | null;
}

export interface TrailOptions {
  /**
   * Models whose files are retained: all, or those on the Pareto front of sparsity and accuracy. The record retains all
   * points. Default "all".
   */
  readonly keep?: TrailKeep;
  /** Called by `add` for each line of the record that holds no point; such a line is dropped, the others stay. */
  readonly onDamaged?: (fault: string) => void;
}

export const TRAIL_KEEPS = ["all", "pareto"] as const;
export type TrailKeep = (typeof TRAIL_KEEPS)[number];

const FOLDER = "trail";
const LOG = "trail.jsonl";
const fileName = (epoch: number) => `epoch-${String(epoch).padStart(4, "0")}.sparse.safetensors`;

const isWhole = (n: unknown) => Number.isSafeInteger(n) && (n as number) >= 0;
const isShare = (n: unknown) => typeof n === "number" && n >= 0 && n <= 1;

/** Rule of each number of a point. */
const RULES: Readonly<
  Record<Exclude<keyof TrailPoint, "score">, readonly [test: (n: unknown) => boolean, words: string]>
> = {
  epoch: [isWhole, "an integer >= 0"],
  step: [isWhole, "an integer >= 0"],
  accuracy: [isShare, "a number from 0 to 1"],
  loss: [(n) => typeof n === "number", "a number"],
  rawAccuracy: [isShare, "a number from 0 to 1"],
  sparsity: [isShare, "a number from 0 to 1"],
};

/** Check and return the numbers of a point. Errors: ArgumentError whose message begins with `where`. */
function checkedPoint(where: string, given: Readonly<Record<string, unknown>>): TrailPoint {
  const point: Partial<Record<keyof typeof RULES, number>> = {};
  const score = given["score"] === undefined ? undefined : checkedScore(where, given["score"]);
  for (const key of ["epoch", "step", "accuracy", "loss", "rawAccuracy", "sparsity"] as const) {
    if (key === "rawAccuracy" && given[key] === undefined) continue;
    const [fits, expected] = RULES[key];
    if (!fits(given[key]) && !(key === "accuracy" && score && Number.isNaN(given[key])))
      throw new ArgumentError(`${where}: ${key}: expected ${expected}, got ${String(given[key])}`);
    point[key] = given[key] as number;
  }
  return { ...(point as TrailPoint), ...(score ? { score } : {}) };
}

function checkedScore(where: string, given: unknown): ScoreValue {
  const { metric, better, value } = (given ?? {}) as Record<string, unknown>;
  const fits = typeof metric === "string" && (better === "higher" || better === "lower") && Number.isFinite(value);
  if (fits) return { metric, better, value: value as number };
  throw new ArgumentError(`${where}: score: expected { metric, better, value }, got ${JSON.stringify(given)}`);
}

function pointOf(given: unknown, where: string): TrailPoint {
  if (typeof given !== "object" || given === null) throw new ArgumentError(`${where}: expected a JSON object`);
  const fields = given as Record<string, unknown>;
  const nan = (key: string) => (fields[key] === null ? { [key]: Number.NaN } : {});
  return checkedPoint(where, { ...fields, ...nan("loss"), ...nan("accuracy") });
}

function readLine(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}

/**
 * Return the points of a record in epoch order, the last one of each epoch. A line that holds no point throws, or is skipped
 * and reported if there is `onDamaged`.
 */
function parseLog(text: string, onDamaged?: (fault: string) => void): TrailPoint[] {
  const points = new Map<number, TrailPoint>();
  const lines = text.split("\n");
  const last = lines.findLastIndex((line) => line.trim() !== "");
  for (const [i, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const given = readLine(line);
    if (given === undefined && i === last) break; // the tail of a crash
    try {
      const point = pointOf(given, `${FOLDER}/${LOG}, line ${i + 1}`);
      points.set(point.epoch, point);
    } catch (fault) {
      if (!onDamaged) throw fault;
      onDamaged((fault as Error).message);
    }
  }
  return [...points.values()].sort((a, b) => a.epoch - b.epoch);
}

/**
 * A trail in a run's store: models as `trail/epoch-0003.sparse.safetensors`, and a record of their points as
 * `trail/trail.jsonl` with one `{epoch, step, accuracy, loss, sparsity, file}` a line, and `rawAccuracy` if statistics were re-estimated.
 *
 * All state is in the store: a resumed run continues the trail that it finds. Await one `add` before the next.
 *
 * Errors   ArgumentError for a `keep` that does not exist.
 */
export class Trail {
  private readonly store: RunStore;
  private readonly keep: TrailKeep;
  private readonly onDamaged: (fault: string) => void;

  constructor(store: RunStore, options: TrailOptions = {}) {
    expectKeys(options, { keep: true, onDamaged: true }, (problem) => new ArgumentError(`trail: ${problem}`));
    const { keep = "all", onDamaged = () => {} } = options;
    if (!TRAIL_KEEPS.includes(keep))
      throw new ArgumentError(`trail: keep: expected one of ${TRAIL_KEEPS.join(", ")}, got ${String(keep)}`);
    this.store = store;
    this.keep = keep;
    this.onDamaged = onDamaged;
  }

  /**
   * Add a model: first its file, then its line, each written atomically, so that every recorded point has had a model.
   * A repeated epoch replaces its file and its line. With keep "pareto", files of dominated points are removed last. The
   * point's epoch, step, accuracy and sparsity are added to the file's metadata.
   *
   * State    float32 values by name, as `stateDict()` of a module gives them: effective weights.
   * Errors   ArgumentError naming the invalid number, or the tensor that is not float32; NonFiniteError naming a tensor that
   *          holds NaN or infinity; errors of the store.
   */
  async add(given: TrailPoint, state: StateDict, metadata: Readonly<Record<string, string>> = {}): Promise<TrailEntry> {
    const point = checkedPoint("trail", { ...given });
    for (const [name, { data }] of state) {
      if (data instanceof Float32Array) continue;
      const problem = `trail: ${name}: expected a Float32Array, got a ${(data as TypedArray).constructor.name}`;
      throw new ArgumentError(problem);
    }
    expectFinite(`trail: model of epoch ${point.epoch}`, state);
    const { epoch, step, accuracy, sparsity } = point;
    const { metric, value } = scoreOfPoint(point);
    const numbers = Object.entries({ epoch, step, [metric]: value, accuracy, sparsity });
    const about = numbers.filter(([, n]) => Number.isFinite(n)).map(([key, n]) => [key, String(n)]);
    const file = `${FOLDER}/${fileName(epoch)}`;
    await this.store.write(file, writeSparseModel(state, { ...metadata, ...Object.fromEntries(about) }));

    const others = (await Trail.points(this.store, this.onDamaged)).filter((p) => p.epoch !== epoch);
    const points = [...others, point].sort((a, b) => a.epoch - b.epoch);
    const lines = points.map((p) => `${JSON.stringify({ ...p, file: `${FOLDER}/${fileName(p.epoch)}` })}\n`);
    await this.store.write(`${FOLDER}/${LOG}`, new TextEncoder().encode(lines.join("")));
    if (this.keep === "all") return { ...point, file };
    const kept = await this.dropBeaten(points);
    return { ...point, file: kept.has(fileName(epoch)) ? file : null };
  }

  /** Remove the models of dominated points. Returns the names of the others. */
  private async dropBeaten(points: readonly TrailPoint[]): Promise<Set<string>> {
    const kept = new Set(trailFront(points).map((i) => fileName(points[i]!.epoch)));
    const beaten = new Set(points.map((p) => fileName(p.epoch)).filter((name) => !kept.has(name)));
    for (const name of await this.store.list(FOLDER)) {
      if (beaten.has(name)) await this.store.remove(`${FOLDER}/${name}`);
    }
    return kept;
  }

  private static async points(store: RunStore, onDamaged?: (fault: string) => void): Promise<TrailPoint[]> {
    if (!(await store.list(FOLDER)).includes(LOG)) return [];
    return parseLog(new TextDecoder().decode(await store.read(`${FOLDER}/${LOG}`)), onDamaged);
  }

  /**
   * Return the entries of a store's trail in epoch order; none if there is no trail. The last line of an epoch counts; a
   * truncated last line is skipped. Paths are made from the epochs, never read from the record.
   *
   * Errors   ArgumentError naming the line that holds no point.
   */
  static async read(store: RunStore): Promise<TrailEntry[]> {
    const files = new Set(await store.list(FOLDER));
    return (await Trail.points(store)).map((point) => {
      const name = fileName(point.epoch);
      return { ...point, file: files.has(name) ? `${FOLDER}/${name}` : null };
    });
  }

  /** Remove a trail from a store, its record first, before a run is restarted. Other files of the folder stay. */
  static async clear(store: RunStore): Promise<void> {
    const names = await store.list(FOLDER);
    if (names.includes(LOG)) await store.remove(`${FOLDER}/${LOG}`);
    for (const name of names) {
      if (/^epoch-\d+\.sparse\.safetensors$/.test(name)) await store.remove(`${FOLDER}/${name}`);
    }
  }
}
