// Names of groups of weights that a threshold keeps or prunes together, and the division of a weight into such groups. Imports no
// shader.
import type { Shape } from "../tensor/index.ts";

/**
 * Groups of weights that a threshold keeps or prunes together.
 * - `block8`, `block4`  8 or 4 neighbouring outputs at one place of the other axes
 * - `filter`            all weights of an output, in convolutions and linear layers
 * - `neuron`            all weights of an output of a linear layer; the weights of convolutions are single
 */
export const WEIGHT_GROUPS = ["block8", "block4", "filter", "neuron"] as const;
/** Name of a kind of groups; see WEIGHT_GROUPS. */
export type WeightGroupName = (typeof WEIGHT_GROUPS)[number];

/** Share of the threshold that acts on groups, if none is set. */
export const GROUP_SHARE = 1;

/** Number of outputs of a block; null for groups that are not blocks. */
export const blockSize = (name: WeightGroupName): 8 | 4 | null =>
  name === "block8" ? 8 : name === "block4" ? 4 : null;

/** Division of a weight [outputs, inner] into groups. */
export interface GroupLayout {
  /** Weights of one output. */
  readonly inner: number;
  /** Outputs of a convolution group, which no block crosses. */
  readonly outputs: number;
  /** Outputs of a full group; 0: the groups are single weights. */
  readonly size: number;
  /** Number of groups. */
  readonly groups: number;
}

/** Divide a weight into groups. `parts`: groups of the convolution. */
export function groupLayout(name: WeightGroupName, shape: Shape, parts = 1): GroupLayout {
  const [all = 1, ...others] = shape;
  const inner = others.reduce((n, d) => n * d, 1);
  const block = blockSize(name);
  if (block) {
    const outputs = all / parts;
    return { inner, outputs, size: block, groups: Math.ceil(outputs / block) * parts * inner };
  }
  if (name === "neuron" && shape.length !== 2) return { inner, outputs: all, size: 0, groups: all * inner };
  return { inner, outputs: 1, size: 1, groups: all };
}
