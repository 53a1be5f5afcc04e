// What the page draws of the weights: each prunable layer as it is used, how its weights are spread, and how many bytes
// the model takes when zeros are left out.
import { compression, type Parameter, readAll, type Session } from "../../src/index.ts";
import type { LayerInfo, LayerPicture } from "../shared/protocol.ts";

const BINS = 64;

export interface Picture {
  readonly layers: LayerPicture[];
  readonly sparseBytes: number;
  /** Host time that it took, in ms. */
  readonly ms: number;
}

const prunableOf = ({ model }: Session): [string, Parameter][] =>
  [...model.namedParameters()].filter(([, p]) => p.prunable);

export const layersOf = (session: Session): LayerInfo[] =>
  prunableOf(session).map(([name, p]) => ({ name, shape: p.shape }));

export const parametersOf = ({ model }: Session): number => model.parameters().reduce((n, p) => n + p.numel, 0);

/**
 * Takes the picture. All that the GPU has to do is enqueued before this returns, so that it belongs between two steps;
 * its values come later. Threshold of a layer: its own where it has one, else that of all, else 0.
 */
export async function takePicture(session: Session, step: number): Promise<Picture> {
  const began = performance.now();
  const { optimizer, method } = session;
  const named = prunableOf(session);
  // LTP is seen as it is tested: kept or zero.
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
  const common = method.thresholdAt(step) ?? 0;
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

/** The arrays of a picture, to hand over rather than copy. */
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

/** The next rung of a ladder of ten a decade: an axis that moves in steps can be read while it moves. */
function roundUp(value: number): number {
  if (!(value > 0 && Number.isFinite(value))) return 1;
  const decade = 10 ** Math.floor(Math.log10(value));
  const rung = [1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.3, 8].find((r) => r * decade >= value);
  return (rung ?? 10) * decade;
}

/** Values other than 0 in BINS bins of equal width from -range to range. */
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
