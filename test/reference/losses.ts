// Losses of single elements in float64, and their sums.

export const squaredError = (x: number, t: number) => (x - t) ** 2;

export const huber =
  (delta = 1) =>
  (x: number, t: number) => {
    const d = Math.abs(x - t);
    return d <= delta ? d ** 2 / 2 : delta * (d - delta / 2);
  };

/** log(1 + e^x) without overflow. */
export const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** -(1 - t) log(1 - p) - w t log p, with p = sigmoid(x). */
export const binaryCrossEntropy = (x: number, t: number, w = 1) => (1 - t) * softplus(x) + w * t * softplus(-x);

export type Reduction = "mean" | "sum" | "none";

/** Sum, mean or values of the elements' losses. */
export function reduced(values: ArrayLike<number>, reduction: Reduction = "mean"): Float64Array {
  if (reduction === "none") return Float64Array.from(values);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return Float64Array.of(reduction === "mean" ? sum / values.length : sum);
}
