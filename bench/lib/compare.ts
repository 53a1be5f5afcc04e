// Compares two runs: finds the variants that became faster or slower by more than the noise of both.
import type { Results } from "./results.ts";
import { geometricMean } from "./statistics.ts";

export interface ComparedRow {
  /** Group and name of the case. */
  readonly title: string;
  readonly variant: string;
  /** Median milliseconds in A and B. */
  readonly a: number;
  readonly b: number;
  /** Time of A over time of B. */
  readonly speedup: number;
  /** Combined spread of both, as a share. */
  readonly noise: number;
  readonly beyondNoise: boolean;
}

export interface Comparison {
  /** Rows, slowest first. */
  readonly rows: readonly ComparedRow[];
  /** Geometric mean of the speedups; NaN without rows. */
  readonly mean: number;
  readonly onlyA: readonly string[];
  readonly onlyB: readonly string[];
  /** Reasons against a comparison: another adapter, other settings, ... */
  readonly warnings: readonly string[];
}

/** A change counts if it exceeds twice the spread, and 3 %: quartiles underestimate the noise of a shared machine. */
const NOISES = 2;
const LEAST_CHANGE = 0.03;

function rowsOf(results: Results) {
  const rows = new Map<string, { title: string; variant: string; ms: number; spread: number; clock: string }>();
  for (const c of results.cases) {
    if (c.kind !== "kernel") continue;
    const title = `${c.group} ${c.name}`;
    for (const { name, ms, spread, clock } of c.variants) {
      rows.set(`${title}: ${name}`, { title, variant: name, ms, spread, clock });
    }
  }
  return rows;
}

/** Pair the variants of two runs by group, name and variant. Host cases are not compared. */
export function compareResults(a: Results, b: Results): Comparison {
  const [left, right] = [rowsOf(a), rowsOf(b)];
  const rows: ComparedRow[] = [];
  let clocks = 0;
  for (const [key, x] of left) {
    const y = right.get(key);
    if (!y) continue;
    if (x.clock !== y.clock) clocks++;
    const speedup = x.ms / y.ms;
    const noise = Math.hypot(x.spread, y.spread);
    const beyondNoise = Math.abs(Math.log(speedup)) > Math.max(NOISES * noise, LEAST_CHANGE);
    rows.push({ title: x.title, variant: x.variant, a: x.ms, b: y.ms, speedup, noise, beyondNoise });
  }
  rows.sort((p, q) => p.speedup - q.speedup);
  return {
    rows,
    mean: geometricMean(rows.map((r) => r.speedup)),
    onlyA: [...left.keys()].filter((key) => !right.has(key)),
    onlyB: [...right.keys()].filter((key) => !left.has(key)),
    warnings: warningsOf(a, b, clocks),
  };
}

function warningsOf(a: Results, b: Results, clocks: number): string[] {
  const warnings: string[] = [];
  if (a.adapter.description !== b.adapter.description) {
    warnings.push(`different adapters: A ${a.adapter.description}, B ${b.adapter.description}`);
  }
  if (clocks > 0) warnings.push(`${clocks} rows were timed by different clocks`);
  for (const [name, r] of [["A", a] as const, ["B", b] as const]) {
    if (!r.complete) warnings.push(`${name} was stopped before its end`);
    const failed = r.cases.filter((c) => c.kind === "failure").length;
    if (failed > 0) warnings.push(`${failed} cases of ${name} failed`);
  }
  const drift = [b.gauge.copyGBs / a.gauge.copyGBs, b.gauge.fmaGFlops / a.gauge.fmaGFlops];
  if (drift.some((d) => d > 1.15 || d < 1 / 1.15)) {
    const [copy, fma] = drift.map((d) => `${d.toFixed(2)}x`);
    warnings.push(`the machine itself changed between the runs: copy ${copy}, multiply-add ${fma}`);
  }
  return warnings;
}
