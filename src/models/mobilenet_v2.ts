// MobileNetV2: inverted residuals with linear bottlenecks (Sandler et al. 2018), with torchvision's names and initial values.

import { expectOptions } from "../gpu/index.ts";
import * as nn from "../nn/index.ts";
import { add } from "../ops/binary.ts";
import { mean } from "../ops/sum.ts";
import type { Tensor } from "../tensor/index.ts";
import { DROPOUT_NET_KEYS, type DropoutNetConfig } from "./classifier.ts";
import { convNorm, fanOutInit } from "./conv_norm.ts";

/** Expansion, channels, blocks and first stride of each stage. */
const STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;
const STEM = 32;
const LAST = 1280;

/** 1x1 to more channels - depthwise 3x3 - 1x1 to few, without activation; plus the input if shapes agree. */
class InvertedResidual extends nn.Module {
  readonly conv: nn.Sequential;
  private readonly residual: boolean;

  constructor(from: number, to: number, stride: number, expansion: number) {
    super();
    const wide = from * expansion;
    const expand = expansion === 1 ? [] : [convNorm(from, wide, { activation: new nn.ReLU6() })];
    this.residual = stride === 1 && from === to;
    this.conv = new nn.Sequential([
      ...expand,
      convNorm(wide, wide, { kernel: 3, stride, groups: wide, activation: new nn.ReLU6() }),
      new nn.Conv2d(wide, to, 1, { bias: false, ...fanOutInit }),
      new nn.BatchNorm2d(to),
    ]);
  }

  forward(x: Tensor): Tensor {
    const y = this.conv.forward(x);
    return this.residual ? add(x, y) : y;
  }
}

/** Dropout before the classifier. Default 0.2. */
export type MobileNetV2Config = DropoutNetConfig;

/**
 * 3,504,872 parameters with 1000 classes. x [N, C, H, W], of 224 x 224 pixels in the paper. Throws OpError for an unknown
 * option.
 */
export class MobileNetV2 extends nn.Module {
  readonly features: nn.Sequential;
  readonly classifier: nn.Sequential;

  constructor(config: MobileNetV2Config) {
    super();
    expectOptions("MobileNetV2", config, DROPOUT_NET_KEYS);
    const { channels = 3, classes = 1000, dropout = 0.2, random } = config;
    const layers: nn.Module[] = [convNorm(channels, STEM, { kernel: 3, stride: 2, activation: new nn.ReLU6() })];
    let from = STEM;
    for (const [expansion, to, blocks, stride] of STAGES) {
      for (let i = 0; i < blocks; i++) {
        layers.push(new InvertedResidual(from, to, i === 0 ? stride : 1, expansion));
        from = to;
      }
    }
    layers.push(convNorm(from, LAST, { activation: new nn.ReLU6() }));
    this.features = new nn.Sequential(layers);
    this.classifier = new nn.Sequential([
      new nn.Dropout(dropout, random),
      new nn.Linear(LAST, classes, { init: nn.normalInit(0.01), biasInit: nn.constantInit(0) }),
    ]);
  }

  forward(x: Tensor): Tensor {
    return this.classifier.forward(mean(this.features.forward(x), { axes: [2, 3] }));
  }
}
