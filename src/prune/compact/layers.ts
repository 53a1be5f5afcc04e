// Layers with weights as compaction sees them: which inputs they read, and which of their outputs are constant.
import type { Conv2d, Linear } from "../../nn/index.ts";
import type { Layout } from "./layout.ts";

/** One use of a convolution or linear layer, the only one of its weights. */
export interface LayerUse {
  readonly path: string;
  readonly module: Conv2d | Linear;
  /** Channels of the input; null if unknown: then all inputs stay. */
  readonly input: Layout | null;
  /** Channel of each output. */
  readonly output: Int32Array;
  /** Outputs that are constant, before any batch norm; NaN: not constant. */
  readonly values: Float64Array;
  /** Weights [outputs, inputs of a group, taps]. */
  readonly weight: Float32Array;
  readonly bias: Float32Array | null;
  readonly groups: number;
  /** Inputs of one group. */
  readonly groupInputs: number;
  /** Weights of one input and output: kh·kw, or 1. */
  readonly taps: number;
  /** True if windows reach into zeros at the border, where a constant input is not constant. */
  readonly padded: boolean;
  /** True if each input has separate outputs, which stay or go with it. */
  readonly depthwise: boolean;
}

/** Parts of a layer that weights alone decide. */
export type LayerWeights = Pick<LayerUse, "weight" | "bias" | "groups" | "groupInputs" | "taps" | "padded">;

/** Return true if output o reads input j of its group. */
export function reads({ weight, groupInputs, taps }: LayerWeights, o: number, j: number): boolean {
  const first = (o * groupInputs + j) * taps;
  for (let i = first; i < first + taps; i++) if (weight[i] !== 0) return true;
  return false;
}

/** Compute the sum of the weights between output o and input j of its group. */
export function tapSum({ weight, groupInputs, taps }: LayerWeights, o: number, j: number): number {
  const first = (o * groupInputs + j) * taps;
  let sum = 0;
  for (let i = first; i < first + taps; i++) sum += weight[i]!;
  return sum;
}

/** Return the input position of input j of the group that output o belongs to. */
export function positionOf({ weight, groups, groupInputs, taps }: LayerWeights, o: number, j: number): number {
  const outputs = weight.length / (groupInputs * taps);
  return Math.floor(o / (outputs / groups)) * groupInputs + j;
}

/** Compute output o for inputs of these values; NaN if it depends on the network's input. */
function constantOf(layer: LayerWeights, o: number, values: Float64Array | null): number {
  let sum = layer.bias?.[o] ?? 0;
  for (let j = 0; j < layer.groupInputs; j++) {
    const value = values?.[positionOf(layer, o, j)] ?? Number.NaN;
    if (value === 0 || !reads(layer, o, j)) continue;
    if (Number.isNaN(value) || layer.padded) return Number.NaN;
    sum += value * tapSum(layer, o, j);
  }
  return sum;
}

/** Compute the outputs that are constant; `values` are those of the inputs, null: unknown. */
export function constantOutputs(layer: LayerWeights, outputs: number, values: Float64Array | null): Float64Array {
  return Float64Array.from({ length: outputs }, (_, o) => constantOf(layer, o, values));
}
