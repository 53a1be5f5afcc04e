// Chooses a model of a trail by a rule, and names the nearest model if none satisfies it.

import { scoreOfPoint, type TrailEntry, trailFront } from "../internal.ts";
import { UsageError } from "../terminal/fail.ts";
import { isShareMetric, metricText, percent } from "../text/index.ts";

/** The rules, of which at most one may be set. Accuracy and sparsity up to 1 are shares; above 1, per cent. */
export interface TrailRules {
  /** The sparsest model at least this accurate. */
  readonly minAccuracy?: number | undefined;
  /** The sparsest model within this many points (per cent) of the trail's best accuracy. */
  readonly maxDrop?: number | undefined;
  /** The sparsest model whose score is this good, in the units of the trail's metric. */
  readonly bound?: number | undefined;
  /** The best model at least this sparse. */
  readonly sparsity?: number | undefined;
  /** The model of this epoch. */
  readonly epoch?: number | undefined;
}

/** The bound of a rule: a share of zeros, or a value of the trail's metric. */
export interface Bound {
  readonly axis: "score" | "sparsity";
  readonly least: number;
}

export interface Choice {
  readonly entry: TrailEntry & { readonly file: string };
  /** Description of the rule: "the sparsest with at least 98.00 % accuracy". */
  readonly because: string;
  readonly bound: Bound | null;
}

type Kept = TrailEntry & { readonly file: string };

const NAMES = {
  minAccuracy: "--min-accuracy",
  maxDrop: "--max-drop",
  bound: "--bound",
  sparsity: "--sparsity",
  epoch: "--epoch",
} as const;
/** Tolerance for shares: below the difference of any two quotients of counts, and above rounding errors. */
const ROUNDING = 1e-9;

/** Write the score of an entry: "98.10 % accuracy", "rmse 0.31". */
export function scoreText(entry: TrailEntry): string {
  const { metric, value } = scoreOfPoint(entry);
  return isShareMetric(metric) ? `${percent(value)} ${metric}` : `${metric} ${metricText(metric, value)}`;
}

const describe = (e: TrailEntry) => `epoch ${e.epoch} with ${scoreText(e)} at ${percent(e.sparsity)} sparsity`;

/** Return the score of an entry as a number that is better when it is larger. */
function merit(entry: TrailEntry): number {
  const { better, value } = scoreOfPoint(entry);
  return better === "higher" ? value : -value;
}

/** Convert a rule's number to a share. Up to 1 it is a share already: a sparsity of one per cent is no useful rule. */
function share(flag: string, value: number): number {
  if (!(value >= 0 && value <= 100))
    throw new UsageError(`${flag}: expected a share such as 0.95, or per cent such as 95, got ${value}`);
  return value <= 1 ? value : value / 100;
}

/** Return the best model by one number; among equals, by the other. */
function best(entries: readonly Kept[], first: "score" | "sparsity"): Kept {
  const numbers = (e: Kept) =>
    (first === "score" ? [merit(e), e.sparsity] : [e.sparsity, merit(e)]) as [number, number];
  return entries.reduce((a, b) => {
    const [[one, then], [other, last]] = [numbers(a), numbers(b)];
    return other > one || (other === one && last > then) ? b : a;
  });
}

/** Return the epochs on the front of sparsity and accuracy. */
export function frontEpochs(entries: readonly TrailEntry[]): Set<number> {
  return new Set(trailFront(entries).map((i) => entries[i]!.epoch));
}

/**
 * Choose a model by a rule; null without a rule. Only models with a file can be chosen.
 *
 * Errors   UsageError for more than one rule, an impossible number, or if no model satisfies the rule: then it names the
 *          nearest.
 */
export function chooseEntry(run: string, entries: readonly TrailEntry[], rules: TrailRules): Choice | null {
  const given = (Object.keys(NAMES) as (keyof typeof NAMES)[]).filter((key) => rules[key] !== undefined);
  if (given.length > 1) throw new UsageError(`${given.map((key) => NAMES[key]).join(" and ")}: give one rule`);
  const key = given[0];
  if (key === undefined) return null;
  const value = rules[key]!;
  const kept = entries.filter((e): e is Kept => e.file !== null);
  if (kept.length === 0) throw new UsageError(`${run}: expected a trail with files, got only its record`);
  if (key === "epoch") return { entry: ofEpoch(run, entries, value), because: "by its number", bound: null };

  if (key === "sparsity") {
    const least = share(NAMES[key], value);
    const fit = kept.filter((e) => e.sparsity >= least - ROUNDING);
    if (fit.length === 0) {
      const problem = `${run}: no model of the trail is ${percent(least)} sparse; the nearest is ${describe(best(kept, "sparsity"))}`;
      throw new UsageError(problem);
    }
    const most = scoreOfPoint(kept[0]!).metric === "accuracy" ? "most accurate" : "best";
    const because = `the ${most} with at least ${percent(least)} sparsity`;
    return { entry: best(fit, "score"), because, bound: { axis: "sparsity", least } };
  }

  return byScore(run, kept, key, value);
}

/** Choose the sparsest model whose score is good enough. */
function byScore(run: string, kept: readonly Kept[], key: "minAccuracy" | "maxDrop" | "bound", value: number): Choice {
  const top = best(kept, "score");
  const { metric, better, value: highest } = scoreOfPoint(top);
  const isShare = isShareMetric(metric);
  if (key !== "bound" && (key === "minAccuracy" ? metric !== "accuracy" : !isShare))
    throw new UsageError(
      `${NAMES[key]}: is for trails scored by ${key === "minAccuracy" ? "accuracy" : "shares"}, this one is by ${metric}: use --bound`,
    );
  const least = key === "minAccuracy" ? share(NAMES[key], value) : key === "maxDrop" ? highest - drop(value) : value;
  const fit = kept.filter((e) => merit(e) >= (better === "higher" ? least : -least) - ROUNDING);
  const bound = isShare ? percent(least) : metricText(metric, least);
  if (fit.length === 0) {
    const problem = `${run}: no model of the trail has ${isShare ? `${bound} ${metric}` : `${metric} ${bound}`}; the nearest is ${describe(top)}`;
    throw new UsageError(problem);
  }
  const limit = better === "higher" ? "at least" : "at most";
  const because =
    key === "maxDrop"
      ? `the sparsest within ${value} points of the best ${metric}, ${percent(highest)}`
      : `the sparsest with ${limit} ${isShare ? `${bound} ${metric}` : `${metric} ${bound}`}`;
  return { entry: best(fit, "sparsity"), because, bound: { axis: "score", least } };
}

/** Convert points of accuracy to a share. */
function drop(points: number): number {
  if (!(points >= 0 && points <= 100))
    throw new UsageError(`${NAMES.maxDrop}: expected points of accuracy from 0 to 100, got ${points}`);
  return points / 100;
}

function ofEpoch(run: string, entries: readonly TrailEntry[], epoch: number): Kept {
  const found = entries.find((e) => e.epoch === epoch);
  if (!found) {
    const near = entries.reduce((a, b) => (Math.abs(b.epoch - epoch) < Math.abs(a.epoch - epoch) ? b : a));
    throw new UsageError(`${run}: the trail has no epoch ${epoch}; the nearest is epoch ${near.epoch}`);
  }
  if (found.file === null) {
    const front = entries.filter((e) => e.file !== null).map((e) => e.epoch);
    const problem = `${run}: the model of epoch ${epoch} was not kept; expected one of the epochs ${front.join(", ")}`;
    throw new UsageError(problem);
  }
  return { ...found, file: found.file };
}
