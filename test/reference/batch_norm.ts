// Batch normalisation on plain arrays in float64, two passes over each channel.

interface BatchNormCase {
  /** [N, C, ...]. */
  readonly shape: readonly number[];
  readonly training: boolean;
  readonly eps?: number;
  readonly momentum?: number;
  readonly relu?: boolean;
  /** Added before the ReLU. */
  readonly residual?: ArrayLike<number>;
}

interface ChannelValues {
  readonly weight?: ArrayLike<number> | null;
  readonly bias?: ArrayLike<number> | null;
  readonly runningMean?: ArrayLike<number> | null;
  readonly runningVar?: ArrayLike<number> | null;
}

/** Channel of a flat element. */
export function channelOf(shape: readonly number[], i: number): number {
  const area = shape.slice(2).reduce((a, b) => a * b, 1);
  return Math.floor(i / area) % shape[1]!;
}

/** Mean and biased variance of each channel, and how many values it has. */
export function moments(shape: readonly number[], x: ArrayLike<number>) {
  const channels = shape[1]!;
  const count = x.length / channels;
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  for (let i = 0; i < x.length; i++) mean[channelOf(shape, i)]! += x[i]! / count;
  for (let i = 0; i < x.length; i++) {
    const c = channelOf(shape, i);
    variance[c]! += (x[i]! - mean[c]!) ** 2 / count;
  }
  return { mean, variance, count };
}

export function normalise(c: BatchNormCase, x: ArrayLike<number>, values: ChannelValues = {}) {
  const { shape, training, eps = 1e-5, momentum = 0.1, relu = false, residual } = c;
  const batch = moments(shape, x);
  const mean = training ? batch.mean : values.runningMean!;
  const variance = training ? batch.variance : values.runningVar!;
  const y = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) {
    const k = channelOf(shape, i);
    const xhat = (x[i]! - mean[k]!) / Math.sqrt(variance[k]! + eps);
    const v = xhat * (values.weight?.[k] ?? 1) + (values.bias?.[k] ?? 0) + (residual?.[i] ?? 0);
    y[i] = relu ? Math.max(v, 0) : v;
  }
  const mix = (old: ArrayLike<number> | null | undefined, now: (k: number) => number) =>
    Float64Array.from(old ?? [], (v, k) => (training ? (1 - momentum) * v + momentum * now(k) : v));
  return {
    y,
    mean: Float64Array.from(mean),
    invstd: Float64Array.from(variance, (v) => 1 / Math.sqrt(v + eps)),
    runningMean: mix(values.runningMean, (k) => batch.mean[k]!),
    runningVar: mix(values.runningVar, (k) => (batch.variance[k]! * batch.count) / (batch.count - 1)),
  };
}

/** Gradients of plain batch norm (no ReLU) in training, written out from the definition. */
export function trainingGradients(
  shape: readonly number[],
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  dy: ArrayLike<number>,
  eps = 1e-5,
) {
  const { mean, variance, count } = moments(shape, x);
  const channels = shape[1]!;
  const dweight = new Float64Array(channels);
  const dbias = new Float64Array(channels);
  const xhat = Float64Array.from(x, (v, i) => {
    const k = channelOf(shape, i);
    return (v - mean[k]!) / Math.sqrt(variance[k]! + eps);
  });
  for (let i = 0; i < x.length; i++) {
    dweight[channelOf(shape, i)]! += dy[i]! * xhat[i]!;
    dbias[channelOf(shape, i)]! += dy[i]!;
  }
  const dx = xhat.map((v, i) => {
    const k = channelOf(shape, i);
    const inner = dy[i]! - dbias[k]! / count - (v * dweight[k]!) / count;
    return (weight[k]! / Math.sqrt(variance[k]! + eps)) * inner;
  });
  return { x: dx, weight: dweight, bias: dbias };
}
