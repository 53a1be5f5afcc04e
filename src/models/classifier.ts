// The end of most networks here: the mean over space, then one layer, which the soft-threshold papers make a convolution.
import { Conv2d, Linear, type LinearConfig } from "../nn/index.ts";
import { flatten } from "../ops/reshape.ts";
import { mean } from "../ops/sum.ts";
import type { Tensor } from "../tensor/index.ts";

/** conv: a 1x1 convolution without bias, pruned like any other, as in the soft-threshold pruning papers. */
export type ClassifierKind = "linear" | "conv";

/** The last layer. `config` is for a linear one. */
export function classifierLayer(
  kind: ClassifierKind,
  features: number,
  classes: number,
  config: LinearConfig = {},
): Conv2d | Linear {
  return kind === "conv" ? new Conv2d(features, classes, 1, { bias: false }) : new Linear(features, classes, config);
}

/** x [N, C, H, W] -> logits [N, classes]. */
export function classify(layer: Conv2d | Linear, x: Tensor): Tensor {
  if (layer instanceof Linear) return layer.forward(mean(x, { axes: [2, 3] }));
  return flatten(layer.forward(mean(x, { axes: [2, 3], keepdims: true })), { startAxis: 1 });
}
