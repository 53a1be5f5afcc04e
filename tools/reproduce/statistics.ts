// Means and spreads over the seeds, the best of them, and differences between methods with the same seeds.
import { ArgumentError } from "../../src/text/index.ts";
import type { ResultLine } from "./lines.ts";
import type { MethodName } from "./methods.ts";
import { type Cell, cellName, type Pair, toleranceAt } from "./plan.ts";

export interface Spread {
  readonly mean: number;
  /** Sample standard deviation (n - 1 in the denominator); null for one value. */
  readonly sd: number | null;
  readonly n: number;
}

/** Compute mean and standard deviation. Throws ArgumentError for no values. */
export function spreadOf(values: readonly number[]): Spread {
  const n = values.length;
  if (n === 0) throw new ArgumentError("spread: expected at least one value, got none");
  const mean = values.reduce((a, b) => a + b, 0) / n;
  const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return { mean, sd: n > 1 ? Math.sqrt(squares / (n - 1)) : null, n };
}

/** Results of a cell over its seeds. */
export interface Summary {
  readonly cell: Cell;
  readonly accuracy: Spread;
  readonly sparsity: Spread;
  /** Number of runs that broke down; the means exclude them. */
  readonly failed: number;
  /** True if the mean share of zeros is within the tolerance of its level. */
  readonly matched: boolean;
  /** Accuracies by seed. */
  readonly runs: ReadonlyMap<number, { readonly accuracy: number; readonly sparsity: number }>;
}

/** Summarise a cell. Returns null without any run; if all runs broke down, only `failed` counts. */
export function summarize(cell: Cell, lines: readonly ResultLine[]): Summary | { readonly failed: number } | null {
  const own = lines.filter((line) => line.kind === "run" && line.id.startsWith(`${cellName(cell)}/`));
  if (own.length === 0) return null;
  const runs = new Map(
    own.flatMap(({ seed, accuracy, sparsity }) =>
      accuracy === null || sparsity === null ? [] : [[seed, { accuracy, sparsity }] as const],
    ),
  );
  const failed = own.length - runs.size;
  if (runs.size === 0) return { failed };
  const accuracy = spreadOf([...runs.values()].map((run) => run.accuracy));
  const sparsity = spreadOf([...runs.values()].map((run) => run.sparsity));
  // Slightly more than the tolerance, since shares are counted in whole weights.
  const matched = cell.level === 0 || Math.abs(sparsity.mean - cell.level) <= toleranceAt(cell.level) + 1e-6;
  return { cell, accuracy, sparsity, failed, matched, runs };
}

/** List the summaries of a pair that have a mean, methods in the order of the plan, levels ascending. */
export function summariesOf(pair: Pair, lines: readonly ResultLine[]): Summary[] {
  return methodsOf(pair).flatMap((method) =>
    levelsOf(pair, method).flatMap((level) => {
      const summary = summarize({ pair, method, level }, lines);
      return summary && "accuracy" in summary ? [summary] : [];
    }),
  );
}

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];

export const methodsOf = (pair: Pair): MethodName[] => unique(pair.blocks.flatMap((block) => [...block.methods]));

export const levelsOf = (pair: Pair, method?: MethodName): number[] =>
  unique(pair.blocks.filter((b) => !method || b.methods.includes(method)).flatMap((block) => [...block.levels])).sort(
    (a, b) => a - b,
  );

/**
 * Find the best summary of one level, and those within its standard deviation. Summaries with fewer zeros than the level,
 * beyond the tolerance, are excluded, since their task was easier.
 */
export function bestOf(summaries: readonly Summary[]): { readonly best: Summary; readonly level: Summary[] } | null {
  const fair = summaries.filter(({ matched, sparsity, cell }) => matched || sparsity.mean > cell.level);
  const best = [...fair].sort((a, b) => b.accuracy.mean - a.accuracy.mean)[0];
  if (!best) return null;
  const least = best.accuracy.mean - (best.accuracy.sd ?? 0);
  return { best, level: fair.filter(({ accuracy }) => accuracy.mean >= least) };
}

/** Compute the accuracy of `a` minus that of `b`, seed by seed: equal seeds have the same first weights and batches. */
export function pairedDifference(a: Summary, b: Summary): Spread | null {
  const differences = [...a.runs].flatMap(([seed, run]) => {
    const other = b.runs.get(seed);
    return other ? [run.accuracy - other.accuracy] : [];
  });
  return differences.length === 0 ? null : spreadOf(differences);
}
