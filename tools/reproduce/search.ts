// Finds the setting of a method that yields a target sparsity, when the sparsity of a setting is only known after a run.
// Settings are compared as ln(setting), sparsities as logit(sparsity): there, methods are nearly straight lines.
import { ArgumentError } from "../../src/text/index.ts";

export interface SearchPoint {
  readonly setting: number;
  /** Resulting share of zeros; null if the run broke down, which counts as too high. */
  readonly sparsity: number | null;
}

export interface SearchOptions {
  /** Target share of zeros, in (0, 1). */
  readonly target: number;
  /** Allowed distance from the target, as a share. */
  readonly tolerance: number;
  /** Initial guess for a share of `firstAt`. */
  readonly first: number;
  /** Default 0.9. */
  readonly firstAt?: number;
  /** Growth of logit(sparsity) with ln(setting), used while there are fewer than two points; > 0. */
  readonly slope: number;
  /** Allowed range of settings. */
  readonly least: number;
  readonly most: number;
}

type SearchStep =
  | { readonly kind: "try"; readonly setting: number }
  | { readonly kind: "found"; readonly setting: number; readonly sparsity: number; readonly near: boolean }
  | { readonly kind: "failed" };

/** Default of `firstAt`. */
const FIRST_AT = 0.9;
/** Distance in logit(sparsity) within which results of other seeds are used for a guess, or a seed's own results are preferred. */
const NEAR = 0.7;
/** Largest change of ln(setting) beyond all known points. */
const STRIDE = Math.log(8);
/** Smallest distance of a guess from the ends of the interval, as a share of it, so that it shrinks at both ends. */
const MARGIN = 0.1;
/** Distance in ln(setting) below which two settings give the same sparsity within the noise of a run. */
const SAME = 2e-3;

/** Compute ln(p / (1 - p)), kept finite at 0 and 1. */
export function logit(p: number): number {
  const inside = Math.min(1 - 1e-4, Math.max(1e-4, p));
  return Math.log(inside / (1 - inside));
}

interface Place {
  readonly x: number;
  readonly y: number;
}

/**
 * Choose the next step of a search from all results so far. A pure function, so that a search can stop and continue.
 *
 * Between two points it interpolates; beyond them it extrapolates by at most a factor of 8. The search ends with the nearest
 * point if `triesLeft` is 0 or the interval is too narrow. `failed`: every run broke down.
 *
 * Errors   ArgumentError that names the option.
 */
export function searchStep(points: readonly SearchPoint[], triesLeft: number, options: SearchOptions): SearchStep {
  checkOptions(options);
  const { target, tolerance, least, most } = options;
  const known = points.flatMap(({ setting, sparsity }) => (sparsity === null ? [] : [{ setting, sparsity }]));
  const distance = (p: { readonly sparsity: number }) => Math.abs(p.sparsity - target);
  const nearest = [...known].sort((a, b) => distance(a) - distance(b))[0];
  const end = (): SearchStep =>
    nearest ? { kind: "found", ...nearest, near: distance(nearest) <= tolerance } : { kind: "failed" };
  if (nearest && distance(nearest) <= tolerance) return end();
  if (triesLeft <= 0) return end();

  const broken = points.flatMap(({ setting, sparsity }) => (sparsity === null ? [Math.log(setting)] : []));
  const places = known.map((p): Place => ({ x: Math.log(p.setting), y: logit(p.sparsity) }));
  const wanted = guess(places, options);
  const limit = Math.min(...broken);
  const x = wanted < limit ? wanted : belowBroken(places, limit);
  const isTried = (at: number) => points.some((p) => Math.abs(Math.log(p.setting) - at) < SAME);
  const other = isTried(x) ? besideTried(places, x, logit(target), options.slope) : x;
  if (other === null || isTried(other) || other >= limit) return end();
  return { kind: "try", setting: Math.min(most, Math.max(least, Math.exp(other))) };
}

/**
 * Choose a place beside one that was tried: half way to the nearest place on the other side of the target; without one, twice as far as
 * the slope says. A noisy method gives other shares than its line. Null without any place.
 */
function besideTried(places: readonly Place[], x: number, y: number, slope: number): number | null {
  const near = [...places].sort((a, b) => Math.abs(a.x - x) - Math.abs(b.x - x))[0];
  if (!near) return null;
  const across = places
    .filter((p) => (near.y < y ? p.y >= y && p.x > near.x : p.y < y && p.x < near.x))
    .sort((a, b) => Math.abs(a.x - near.x) - Math.abs(b.x - near.x))[0];
  if (across) return (near.x + across.x) / 2;
  const step = Math.max(4 * SAME, (2 * Math.abs(y - near.y)) / slope);
  return near.x + Math.sign(y - near.y) * Math.min(STRIDE, step);
}

/** Interpolate between the largest setting that was too low and the smallest that was too high. */
function belowBroken(places: readonly Place[], limit: number): number {
  const worked = places.map(({ x }) => x).filter((x) => x < limit);
  return worked.length === 0 ? limit - Math.log(4) : (Math.max(...worked) + limit) / 2;
}

function guess(places: readonly Place[], { target, first, firstAt = FIRST_AT, slope }: SearchOptions): number {
  const y = logit(target);
  if (places.length === 0) return Math.log(first) + (y - logit(firstAt)) / slope;
  const below = places.filter((p) => p.y < y).sort((a, b) => b.y - a.y || b.x - a.x);
  const above = places.filter((p) => p.y >= y).sort((a, b) => a.y - b.y || a.x - b.x);
  const [low, high] = [below[0], above[0]];
  if (low && high && low.x < high.x) {
    const share = Math.min(1 - MARGIN, Math.max(MARGIN, (y - low.y) / (high.y - low.y)));
    return low.x + share * (high.x - low.x);
  }
  // Beyond all points, or if noise swapped two of them: extrapolate from the nearest one along a line.
  // Among equally near points (a layer that has lost no weight yet, or all of them), take the most extreme setting.
  const furthest = (a: Place, b: Place) => (a.y < y ? b.x - a.x : a.x - b.x);
  const sorted = [...places].sort((a, b) => Math.abs(a.y - y) - Math.abs(b.y - y) || furthest(a, b));
  const near = sorted[0]!;
  const other = sorted.find((p) => Math.abs(p.x - near.x) >= SAME);
  const measured = other ? (near.y - other.y) / (near.x - other.x) : Number.NaN;
  const rise = measured > 0 ? Math.min(4 * slope, Math.max(slope / 4, measured)) : slope;
  return near.x + Math.min(STRIDE, Math.max(-STRIDE, (y - near.y) / rise));
}

/** Guess for a search from results of other seeds. */
interface Guess {
  /** Setting that is expected to give the target. */
  readonly first: number;
  readonly slope: number;
}

/**
 * Guess the setting of a target, and the slope there, from results of other seeds near the target: a line by least squares, near
 * points first. Returns null if no result is near. `slope`: used if the results are too few or too noisy.
 */
export function guessFrom(points: readonly SearchPoint[], target: number, slope: number): Guess | null {
  const y = logit(target);
  const near = points.flatMap(({ setting, sparsity }) => {
    const dy = sparsity === null ? Number.NaN : logit(sparsity) - y;
    return Math.abs(dy) <= NEAR ? [{ x: Math.log(setting), dy, weight: 1 / (0.02 + Math.abs(dy)) }] : [];
  });
  if (near.length === 0) return null;
  const total = near.reduce((sum, p) => sum + p.weight, 0);
  const mean = (of: (p: (typeof near)[number]) => number) => near.reduce((sum, p) => sum + p.weight * of(p), 0) / total;
  const [mx, mdy] = [mean((p) => p.x), mean((p) => p.dy)];
  const spread = mean((p) => (p.x - mx) ** 2);
  const measured = spread > SAME ** 2 ? mean((p) => (p.x - mx) * (p.dy - mdy)) / spread : Number.NaN;
  const rise = measured > slope / 4 && measured < 4 * slope ? measured : slope;
  return { first: Math.exp(mx - mdy / rise), slope: rise };
}

/** Select the results of a seed that are near a target. */
export const nearTarget = (points: readonly SearchPoint[], target: number): SearchPoint[] =>
  points.filter(({ sparsity }) => sparsity !== null && Math.abs(logit(sparsity) - logit(target)) <= NEAR);

function checkOptions({ target, tolerance, first, firstAt = FIRST_AT, slope, least, most }: SearchOptions): void {
  const check = (name: string, expected: string, given: number, ok: boolean) => {
    if (!ok) throw new ArgumentError(`search: ${name}: expected ${expected}, got ${given}`);
  };
  check("target", "a share in (0, 1)", target, target > 0 && target < 1);
  check("firstAt", "a share in (0, 1)", firstAt, firstAt > 0 && firstAt < 1);
  check("tolerance", "a share >= 0", tolerance, tolerance >= 0);
  check("slope", "a number > 0", slope, slope > 0);
  check("least", "a number > 0", least, least > 0);
  check("most", `a number > ${least}`, most, most > least);
  check("first", `a number from ${least} to ${most}`, first, first >= least && first <= most);
}
