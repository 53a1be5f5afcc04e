// Untrained weights with zeros in blocks, for the cases of sparse kernels.
import type { Module } from "../../src/nn/index.ts";
import { pruneBlocks } from "../../test/support/prune_blocks.ts";

/** Zeros of the weights: in blocks of this size. */
export interface Zeros {
  readonly share: number;
  readonly size: 8 | 1;
}

/** Return "90 % zeros in blocks of 8", or "scattered". */
export const zerosText = ({ share, size }: Zeros): string =>
  `${Math.round(100 * share)} % zeros ${size === 1 ? "scattered" : `in blocks of ${size}`}`;

/** Return the initial weights of a model with zeros in their smallest blocks: untrained numbers, which change no time. */
export function prunedWeights(model: Module, { share, size }: Zeros): ReadonlyMap<string, Float32Array> {
  const weights = new Map<string, Float32Array>();
  for (const [name, p] of model.namedParameters()) {
    const values = p.initialValues();
    weights.set(name, p.prunable ? pruneBlocks(values, p.shape, { size, zeros: share }) : values);
  }
  return weights;
}
