// EfficientNet-B0 (Tan and Le 2019), with torchvision's names and initial values.

import { expectOptions } from "../gpu/index.ts";
import * as nn from "../nn/index.ts";
import { add } from "../ops/binary.ts";
import { mean } from "../ops/sum.ts";
import type { Tensor } from "../tensor/index.ts";
import { DROPOUT_NET_KEYS, type DropoutNetConfig } from "./classifier.ts";
import { convNorm, fanOutInit } from "./conv_norm.ts";

/** Expansion, kernel, first stride, channels and blocks of each stage of B0. */
const STAGES = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
] as const;
const STEM = 32;
const LAST = 1280;
const BLOCKS = STAGES.reduce((sum, stage) => sum + stage[4], 0);

interface BlockPlan {
  readonly from: number;
  readonly to: number;
  readonly expansion: number;
  readonly kernel: number;
  readonly stride: number;
  /** Probability that a sample skips this block. */
  readonly drop: number;
}

/** 1x1 to more channels - depthwise - squeeze and excitation - 1x1 to few; plus the input if shapes agree. */
class MBConv extends nn.Module {
  readonly block: nn.Sequential;
  readonly stochastic_depth: nn.StochasticDepth;
  private readonly residual: boolean;

  constructor({ from, to, expansion, kernel, stride, drop }: BlockPlan, random: nn.RandomState) {
    super();
    const wide = from * expansion;
    const expand = expansion === 1 ? [] : [convNorm(from, wide, { activation: new nn.SiLU() })];
    this.residual = stride === 1 && from === to;
    this.block = new nn.Sequential([
      ...expand,
      convNorm(wide, wide, { kernel, stride, groups: wide, activation: new nn.SiLU() }),
      // A quarter of the block's input channels, not of the wide layer's.
      new nn.SqueezeExcitation(wide, Math.max(1, Math.floor(from / 4)), fanOutInit),
      convNorm(wide, to, { activation: null }),
    ]);
    this.stochastic_depth = new nn.StochasticDepth(drop, random);
  }

  forward(x: Tensor): Tensor {
    const y = this.block.forward(x);
    return this.residual ? add(this.stochastic_depth.forward(y), x) : y;
  }
}

/** Dropout before the classifier. Default 0.2. */
export interface EfficientNetConfig extends DropoutNetConfig {
  /** Each sample skips block i of n with this probability times i / n. Default 0.2. */
  readonly stochasticDepth?: number;
}

/**
 * EfficientNet-B0: 5,288,548 parameters with 1000 classes. x [N, C, H, W], of 224 x 224 pixels in the paper. Throws OpError
 * for an unknown option.
 */
export class EfficientNet extends nn.Module {
  readonly features: nn.Sequential;
  readonly classifier: nn.Sequential;

  constructor(config: EfficientNetConfig) {
    super();
    expectOptions("EfficientNet", config, { ...DROPOUT_NET_KEYS, stochasticDepth: true });
    const { channels = 3, classes = 1000, dropout = 0.2, stochasticDepth = 0.2, random } = config;
    const layers = [convNorm(channels, STEM, { kernel: 3, stride: 2, activation: new nn.SiLU() })];
    let from = STEM;
    let number = 0;
    for (const [expansion, kernel, firstStride, to, blocks] of STAGES) {
      const stage = Array.from({ length: blocks }, (_, i) => {
        const drop = (stochasticDepth * number++) / BLOCKS;
        const block = new MBConv({ from, to, expansion, kernel, stride: i === 0 ? firstStride : 1, drop }, random);
        from = to;
        return block;
      });
      layers.push(new nn.Sequential(stage));
    }
    layers.push(convNorm(from, LAST, { activation: new nn.SiLU() }));
    this.features = new nn.Sequential(layers);
    this.classifier = new nn.Sequential([
      new nn.Dropout(dropout, random),
      new nn.Linear(LAST, classes, { init: nn.uniformInit(1 / Math.sqrt(classes)), biasInit: nn.constantInit(0) }),
    ]);
  }

  forward(x: Tensor): Tensor {
    return this.classifier.forward(mean(this.features.forward(x), { axes: [2, 3] }));
  }
}
