// The measurement that chooses the best model of a run: test accuracy, test loss or a metric, and the direction in which it is better.
import { ArgumentError, expectKeys, isRecord, kindOf } from "../text/index.ts";

/** Direction in which a measurement is better. */
export type Better = "higher" | "lower";

/** A measurement of the test set. */
export interface Score {
  /** accuracy, loss, or the name of a metric. */
  readonly metric: string;
  readonly better: Better;
}

/** A score and its value. */
export interface ScoreValue extends Score {
  readonly value: number;
}

/** Measurements of a test. */
export interface Measured {
  readonly loss: number;
  readonly accuracy: number;
  readonly metrics?: Readonly<Record<string, number>> | undefined;
}

/** Return the score's value in a test; NaN if the test did not measure it. */
export function valueOfScore({ metric }: Score, { loss, accuracy, metrics = {} }: Measured): number {
  if (metric === "accuracy") return accuracy;
  return metric === "loss" ? loss : (metrics[metric] ?? Number.NaN);
}

/** Return true if a value is better than another one; null is worse than any number. */
export function isBetter({ better }: Score, value: number, than: number | null): boolean {
  if (!Number.isFinite(value)) return false;
  return than === null || (better === "higher" ? value > than : value < than);
}

/** Return the better one of two values. */
export const bestOf = (score: Score, value: number, than: number | null): number | null =>
  isBetter(score, value, than) ? value : than;

/**
 * Check a score, and that a session measures it. Default: accuracy of class numbers, else the loss.
 * Errors: ArgumentError.
 */
export function completeScore(
  given: unknown,
  measured: { readonly classes: boolean; readonly metrics: readonly string[] },
): Score {
  if (given === undefined)
    return measured.classes ? { metric: "accuracy", better: "higher" } : { metric: "loss", better: "lower" };
  const refuse = (problem: string) => new ArgumentError(`Session: score: ${problem}`);
  if (!isRecord(given)) throw refuse(`expected an object { metric, better }, got ${kindOf(given)}`);
  expectKeys(given, { metric: true, better: true }, refuse);
  const { metric, better } = given;
  const known = ["loss", ...(measured.classes ? ["accuracy"] : []), ...measured.metrics];
  if (typeof metric !== "string" || !known.includes(metric))
    throw refuse(`metric: expected one of ${known.join(", ")}, got ${String(metric)}`);
  if (better !== "higher" && better !== "lower")
    throw refuse(`better: expected higher or lower, got ${String(better)}`);
  return { metric, better };
}
