// The share of zeros of a network's weights.

/** Compute the share of zeros among the weights of two axes and more; 0 without any. */
export function zeroShare(
  weights: ReadonlyMap<string, { readonly data: ArrayLike<number>; readonly shape: readonly number[] }>,
): number {
  let [zeros, all] = [0, 0];
  for (const { data, shape } of weights.values()) {
    if (shape.length < 2) continue;
    all += data.length;
    for (let i = 0; i < data.length; i++) if (data[i] === 0) zeros++;
  }
  return all === 0 ? 0 : zeros / all;
}
