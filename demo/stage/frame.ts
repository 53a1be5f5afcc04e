// A frame: what the stage shows of a run at one step. Live runs and the recorded one are both lists of frames.
import type { LayerPicture } from "../shared/protocol.ts";
import { magnitudeOf, strengthOf, topOf } from "../ui/colors.ts";
import { volume } from "../ui/layer_map.ts";

/** Highest level of a weight; the lowest is its negative. */
export const TOP_LEVEL = 127;

export interface Frame {
  readonly step: number;
  /** Share of weights that are not zero, 0 to 1. */
  readonly left: number;
  /** Latest test accuracy of each network, 0 to 1; null before the first test. */
  readonly accuracy: readonly (number | null)[];
  /** Threshold in force. */
  readonly threshold: number;
  /** Bytes of the model without zeros. */
  readonly sparseBytes: number;
  /** True if a layer has no weight left: the network then gives the same answer to every picture. */
  readonly dead: boolean;
  /** Strengths of the colours of the largest layer's weights, with their signs: 0 only for a zero. */
  readonly levels: Int8Array;
  /** Counts of the stored weights in bins of equal width from -range to range. */
  readonly range: number;
  readonly counts: ArrayLike<number>;
}

/** Return the strength of the colour of each weight as a level, with its sign. */
export function levelsOf(weights: Float32Array): Int8Array {
  const top = topOf(weights);
  return Int8Array.from(weights, (w) => Math.sign(w) * Math.round(strengthOf(w, top) * TOP_LEVEL) || 0);
}

/** Return weights whose colours have these levels, for the film of a map. */
export function weightsOf(levels: Int8Array): Float32Array {
  return Float32Array.from(levels, (level) => Math.sign(level) * magnitudeOf(Math.abs(level) / TOP_LEVEL));
}

/** Return the index of the layer with the most weights. */
export function largestOf(layers: readonly { readonly shape: readonly number[] }[]): number {
  const sizes = layers.map(({ shape }) => volume(shape));
  return Math.max(0, sizes.indexOf(Math.max(...sizes)));
}

/** Make the frame of a picture of lane 0. */
export function frameOf(
  picture: { readonly step: number; readonly layers: readonly LayerPicture[]; readonly sparseBytes: number },
  largest: number,
  accuracy: readonly (number | null)[],
): Frame {
  const { step, layers, sparseBytes } = picture;
  const layer = layers[largest]!;
  const total = layers.reduce((n, { weights }) => n + weights.length, 0);
  const zeros = layers.reduce((n, one) => n + one.zeros, 0);
  const { range, effective, stored } = layer.histogram;
  return {
    step,
    left: 1 - zeros / total,
    accuracy,
    threshold: layer.threshold,
    sparseBytes,
    dead: layers.some(({ weights, zeros: gone }) => gone === weights.length),
    levels: levelsOf(layer.weights),
    range,
    counts: stored ?? effective,
  };
}
