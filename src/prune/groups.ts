// Which parameters a threshold acts on: weights of convolutions and linear layers, never batch norm or biases.
import type { Module, Parameter } from "../nn/index.ts";
import type { ParamGroup, ThresholdMode } from "../optim/sgd.ts";

export interface GroupOptions {
  readonly mode: ThresholdMode;
  /** Leave the first prunable layer alone; it still counts in the total. Default false. */
  readonly firstLayerDense?: boolean;
  /** Leave the last prunable layer (the classifier) alone. Default false. */
  readonly lastLayerDense?: boolean;
}

/** Parameter groups for SGD: thresholded weights first, everything else after. Throws RangeError when none is prunable. */
export function pruningGroups(model: Module, options: GroupOptions): ParamGroup[] {
  const { mode, firstLayerDense = false, lastLayerDense = false } = options;
  const all = model.parameters();
  const prunable = all.filter((p) => p.prunable);
  const spared = new Set<Parameter | undefined>();
  if (firstLayerDense) spared.add(prunable[0]);
  if (lastLayerDense) spared.add(prunable.at(-1));
  const thresholded = prunable.filter((p) => !spared.has(p));
  if (mode !== "none" && thresholded.length === 0) throw new RangeError("pruning: the model has no weight to prune");
  if (mode === "none") return [{ params: all, mode }];
  const rest = all.filter((p) => !thresholded.includes(p));
  return [{ params: thresholded, mode }, ...(rest.length > 0 ? [{ params: rest, mode: "none" as const }] : [])];
}

/** sign(w)(|w| + d): the latent weight whose soft threshold by d is w. Zeros stay zero. */
export function inverseThreshold(w: Float32Array, d: number): Float32Array {
  return w.map((x) => (x === 0 ? 0 : Math.sign(x) * (Math.abs(x) + d)));
}
