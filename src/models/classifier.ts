// The end of most networks: the mean over space, then one layer, a convolution in the soft-threshold papers.
import * as nn from "../nn/index.ts";
import { flatten } from "../ops/reshape.ts";
import { mean } from "../ops/sum.ts";
import type { Tensor } from "../tensor/index.ts";
import type { KeysOf } from "../text/index.ts";

/** conv: a 1x1 convolution without bias, which is pruned too, as in the soft-threshold papers. */
export type ClassifierKind = "linear" | "conv";

/** Options of networks with dropout in the classifier. */
export interface DropoutNetConfig {
  readonly channels?: number;
  readonly classes?: number;
  /** Dropout in the classifier. Default 0.5 in AlexNet and VGG, 0.2 in the others. */
  readonly dropout?: number;
  /** Random state of dropout, and of stochastic depth. */
  readonly random: nn.RandomState;
}

export const DROPOUT_NET_KEYS: KeysOf<DropoutNetConfig> = {
  channels: true,
  classes: true,
  dropout: true,
  random: true,
};

/** Make the last layer. `config` is for a linear one; a convolution starts as in those papers, N(0, 2 / features). */
export function classifierLayer(
  kind: ClassifierKind,
  features: number,
  classes: number,
  config: nn.LinearConfig = {},
): nn.Conv2d | nn.Linear {
  if (kind === "linear") return new nn.Linear(features, classes, config);
  return new nn.Conv2d(features, classes, 1, { bias: false, init: nn.kaimingNormalInit("fan_in") });
}

/** Compute logits [N, classes] from x [N, C, H, W]. */
export function classify(layer: nn.Conv2d | nn.Linear, x: Tensor): Tensor {
  if (layer instanceof nn.Linear) return layer.forward(mean(x, { axes: [2, 3] }));
  return flatten(layer.forward(mean(x, { axes: [2, 3], keepdims: true })), { startAxis: 1 });
}
