// The end of most networks: the mean over space, then one layer, a convolution in the soft-threshold papers.
import { Conv2d, kaimingNormalInit, Linear, type LinearConfig } from "../nn/index.ts";
import { flatten } from "../ops/reshape.ts";
import { mean } from "../ops/sum.ts";
import type { Tensor } from "../tensor/index.ts";

/** conv: a 1x1 convolution without bias, which is pruned too, as in the soft-threshold papers. */
export type ClassifierKind = "linear" | "conv";

/** Make the last layer. `config` is for a linear one; a convolution starts as in those papers, N(0, 2 / features). */
export function classifierLayer(
  kind: ClassifierKind,
  features: number,
  classes: number,
  config: LinearConfig = {},
): Conv2d | Linear {
  if (kind === "linear") return new Linear(features, classes, config);
  return new Conv2d(features, classes, 1, { bias: false, init: kaimingNormalInit("fan_in") });
}

/** Compute logits [N, classes] from x [N, C, H, W]. */
export function classify(layer: Conv2d | Linear, x: Tensor): Tensor {
  if (layer instanceof Linear) return layer.forward(mean(x, { axes: [2, 3] }));
  return flatten(layer.forward(mean(x, { axes: [2, 3], keepdims: true })), { startAxis: 1 });
}
