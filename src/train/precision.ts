// The precision of a run: the element type of activations and of their gradients.
import { ArgumentError, valueText } from "../text/index.ts";

/**
 * Precision of training: f32; or f16, which holds activations and their gradients in half the memory. Weights, momentum, statistics,
 * losses and all sums stay f32, and the loss is scaled: see LossScale.
 */
export type Precision = "f32" | "f16";

/** All precisions. */
export const PRECISIONS: readonly Precision[] = ["f32", "f16"];

/** Throw ArgumentError unless the value is a precision or absent. */
export function expectPrecision(what: string, value: unknown): void {
  if (value !== undefined && !(PRECISIONS as readonly unknown[]).includes(value))
    throw new ArgumentError(`${what}: expected ${PRECISIONS.join(" or ")}, got ${valueText(value)}`);
}
