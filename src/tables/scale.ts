// Standardises numbers by the mean and the standard deviation of the training part: (v - mean) / std.
import { numel, type Shape } from "../tensor/index.ts";

/** Mean and standard deviation of each column; of arrays of several axes, of each index of the first one. */
export interface ColumnScale {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Numbers of one column within a sample. */
const innerOf = (shape: Shape): number => numel(shape) / (shape[0] ?? 1);

/** Return the scale that changes nothing. */
export const unitScale = ([columns = 1]: Shape): ColumnScale => ({
  mean: new Array<number>(columns).fill(0),
  std: new Array<number>(columns).fill(1),
});

/** Compute the scale of values [n, ...shape] in two passes. A column of one value has standard deviation 1. */
export function scaleOf(values: Float32Array, shape: Shape): ColumnScale {
  const [columns = 1] = shape;
  const inner = innerOf(shape);
  const count = values.length / columns;
  const mean = new Array<number>(columns).fill(0);
  const std = new Array<number>(columns).fill(0);
  const columnAt = (i: number) => Math.floor(i / inner) % columns;
  for (const [i, v] of values.entries()) mean[columnAt(i)]! += v / count;
  for (const [i, v] of values.entries()) std[columnAt(i)]! += (v - mean[columnAt(i)]!) ** 2 / count;
  return { mean, std: std.map((v) => Math.sqrt(v) || 1) };
}

/** Standardise values [n, ...shape] in place. */
export function standardise(values: Float32Array, shape: Shape, { mean, std }: ColumnScale): void {
  const [columns = 1] = shape;
  const inner = innerOf(shape);
  for (let i = 0; i < values.length; i++) {
    const column = Math.floor(i / inner) % columns;
    values[i] = (values[i]! - mean[column]!) / std[column]!;
  }
}

/** Return standardised values [n, ...shape] in their own units, in place. */
export function inOwnUnits(values: Float32Array, shape: Shape, { mean, std }: ColumnScale): void {
  const [columns = 1] = shape;
  const inner = innerOf(shape);
  for (let i = 0; i < values.length; i++) {
    const column = Math.floor(i / inner) % columns;
    values[i] = values[i]! * std[column]! + mean[column]!;
  }
}
