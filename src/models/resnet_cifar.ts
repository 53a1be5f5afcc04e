// The ResNets for small images (He et al. 2016, section 4.2): three stages of basic blocks, 6n + 2 layers.

import { expectOptions } from "../gpu/index.ts";
import * as nn from "../nn/index.ts";
import { mean } from "../ops/sum.ts";
import type { Tensor } from "../tensor/index.ts";
import type { KeysOf } from "../text/index.ts";
import { BasicBlock, type BasicBlockConfig, expectShortcut, normRelu, type ShortcutKind } from "./resnet_block.ts";

/** Options of `ResNetCifar`. */
export interface ResNetCifarConfig extends Pick<BasicBlockConfig, "fuse"> {
  /** Channels of the first stage. Default 16. */
  readonly width?: number;
  /** Blocks in each of the three stages: n in 6n + 2. Default 3. */
  readonly blocks?: number;
  readonly channels?: number;
  readonly classes?: number;
  /** Shortcut of the two blocks that halve the image. Default identity, as in the paper's experiments on CIFAR-10. */
  readonly shortcut?: ShortcutKind;
}

/**
 * conv 3x3 - BN - ReLU - `blocks` blocks each at width, 2 width (stride 2), 4 width (stride 2) - mean - fc. With 3, 5, 7, 9
 * and 18 blocks, the ResNet-20, -32, -44, -56 and -110 of He et al. 2016, table 6. Throws OpError for an unknown option.
 */
export class ResNetCifar extends nn.Module {
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly layer1: nn.Sequential;
  readonly layer2: nn.Sequential;
  readonly layer3: nn.Sequential;
  readonly fc: nn.Linear;
  private readonly fuse: boolean;

  constructor(config: ResNetCifarConfig = {}) {
    super();
    const known: KeysOf<ResNetCifarConfig> = {
      ...{ width: true, blocks: true, channels: true, classes: true, fuse: true, shortcut: true },
    };
    expectOptions("ResNetCifar", config, known);
    const { width = 16, blocks = 3, channels = 3, classes = 10, fuse = true, shortcut = "identity" } = config;
    expectShortcut("ResNetCifar", shortcut);
    this.fuse = fuse;
    this.conv1 = new nn.Conv2d(channels, width, 3, { padding: 1, bias: false });
    this.bn1 = new nn.BatchNorm2d(width);
    const stage = (from: number, to: number, stride: number) =>
      new nn.Sequential(
        Array.from(
          { length: blocks },
          (_, i) => new BasicBlock(i === 0 ? from : to, to, i === 0 ? stride : 1, { fuse, shortcut }),
        ),
      );
    this.layer1 = stage(width, width, 1);
    this.layer2 = stage(width, 2 * width, 2);
    this.layer3 = stage(2 * width, 4 * width, 2);
    this.fc = new nn.Linear(4 * width, classes);
  }

  forward(x: Tensor): Tensor {
    let y = normRelu(this.bn1, this.conv1.forward(x), this.fuse);
    for (const layer of [this.layer1, this.layer2, this.layer3]) y = layer.forward(y);
    return this.fc.forward(mean(y, { axes: [2, 3] }));
  }
}
