// Pictures of the weights: effective weights and histogram of each prunable layer, and the size of the model without
// zeros.
import { compression, type Parameter, readAll, type Session } from "../../src/internal.ts";
import type { LayerInfo, LayerPicture } from "../shared/protocol.ts";

const BINS = 64;

interface Picture {
  readonly layers: LayerPicture[];
  readonly sparseBytes: number;
  /** Host time of taking the picture, in ms. */
  readonly ms: number;
}

const prunableOf = ({ model }: Session): [string, Parameter][] =>
  [...model.namedParameters()].filter(([, p]) => p.prunable);

export const layersOf = (session: Session): LayerInfo[] =>
  prunableOf(session).map(([name, p]) => ({ name, shape: p.shape }));

export const parametersOf = ({ model }: Session): number => model.parameters().reduce((n, p) => n + p.numel, 0);

/**
 * Take a picture. All GPU work is enqueued before this returns, so call it between two steps; values arrive later.
 * The threshold of a layer is its own if it has one, else the common one, else 0. `cut`: the common one if a finished run got another.
 */
export async function takePicture(session: Session, step: number, cut: number | null = null): Promise<Picture> {
  const began = performance.now();
  const { optimizer, method } = session;
  const named = prunableOf(session);
  // LTP weights are shown as in evaluation: kept or zero.
  optimizer.harden();
  const weights = readAll(...named.map(([, p]) => p));
  optimizer.soften();
  const hidden = named.filter(([, p]) => p.latent);
  const latents = hidden.length > 0 ? readAll(...hidden.map(([, p]) => p.latent!)) : [];
  const learns = method.group.mode === "str" || method.group.mode === "ltp";
  const learned = learns ? optimizer.learnedThresholds() : new Map<Parameter, { threshold: number }>();
  const enqueued = performance.now() - began;
  const [values, stored, own] = await Promise.all([weights, latents, learned]);
  const arrived = performance.now();
  const common = cut ?? method.thresholdAt(step) ?? 0;
  const thetas = new Map(hidden.map(([, p], i) => [p, stored[i] as Float32Array]));
  const layers = named.map(([name, p], i) =>
    describeLayer(name, values[i] as Float32Array, thetas.get(p) ?? null, own.get(p)?.threshold ?? common),
  );
  const others = parametersOf(session) - named.reduce((n, [, p]) => n + p.numel, 0);
  const sizes = layers.map(({ name, zeros }, i) => ({
    name,
    zeros,
    shape: named[i]![1].shape,
  }));
  const sparseBytes = Math.ceil(compression(sizes, others).model.bitmask / 8);
  return { layers, sparseBytes, ms: enqueued + performance.now() - arrived };
}

/** Return the buffers of a picture, to transfer instead of copy. */
export function buffersOf(layers: readonly LayerPicture[]): ArrayBuffer[] {
  return layers.flatMap(({ weights, histogram }) =>
    [weights, histogram.effective, ...(histogram.stored ? [histogram.stored] : [])].map((a) => a.buffer as ArrayBuffer),
  );
}

export function describeLayer(
  name: string,
  weights: Float32Array,
  stored: Float32Array | null,
  threshold: number,
): LayerPicture {
  let zeros = 0;
  let most = threshold;
  for (const v of weights) {
    if (v === 0) zeros++;
    most = Math.max(most, Math.abs(v));
  }
  for (const v of stored ?? []) most = Math.max(most, Math.abs(v));
  const range = roundUp(most);
  return {
    name,
    weights,
    zeros,
    threshold,
    histogram: { range, effective: histogram(weights, range), stored: stored && histogram(stored, range) },
  };
}

/** Round up to one of ten values per decade: an axis that changes in steps stays readable. */
function roundUp(value: number): number {
  if (!(value > 0 && Number.isFinite(value))) return 1;
  const decade = 10 ** Math.floor(Math.log10(value));
  const rung = [1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.3, 8].find((r) => r * decade >= value);
  return (rung ?? 10) * decade;
}

/** Count the non-zero values in BINS bins of equal width from -range to range. */
function histogram(values: Float32Array, range: number): Uint32Array {
  const counts = new Uint32Array(BINS);
  const scale = BINS / (2 * range);
  for (const v of values) {
    if (v === 0) continue;
    const bin = Math.max(0, Math.min(BINS - 1, Math.floor((v + range) * scale)));
    counts[bin] = counts[bin]! + 1;
  }
  return counts;
}
