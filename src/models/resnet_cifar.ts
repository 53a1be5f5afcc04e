// The ResNets for small images (He et al. 2016, section 4.2): three stages of basic blocks, 6n + 2 layers.
import { BatchNorm2d, Conv2d, Linear, Module, Sequential } from "../nn/index.ts";
import { add } from "../ops/binary.ts";
import { mean } from "../ops/sum.ts";
import { relu } from "../ops/unary.ts";
import type { Tensor } from "../tensor/index.ts";

export interface BasicBlockConfig {
  /** False: batch norm, addition and ReLU run one by one; the results agree. Default true. */
  readonly fuse?: boolean;
}

/** conv - BN - ReLU - conv - BN, plus the input (through a 1x1 convolution where shapes differ), then ReLU. */
export class BasicBlock extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly downsample: Sequential | null;
  private readonly fuse: boolean;

  constructor(inChannels: number, channels: number, stride: number, { fuse = true }: BasicBlockConfig = {}) {
    super();
    this.fuse = fuse;
    this.conv1 = new Conv2d(inChannels, channels, 3, { stride, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(channels);
    this.conv2 = new Conv2d(channels, channels, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(channels);
    this.downsample =
      stride !== 1 || inChannels !== channels
        ? new Sequential([new Conv2d(inChannels, channels, 1, { stride, bias: false }), new BatchNorm2d(channels)])
        : null;
  }

  forward(x: Tensor): Tensor {
    const { bn1, bn2, fuse } = this;
    const h = this.conv1.forward(x);
    const y = this.conv2.forward(fuse ? bn1.forwardRelu(h) : relu(bn1.forward(h)));
    const shortcut = this.downsample ? this.downsample.forward(x) : x;
    return fuse ? bn2.forwardAddRelu(y, shortcut) : relu(add(bn2.forward(y), shortcut));
  }
}

export interface ResNetCifarConfig extends BasicBlockConfig {
  /** Channels of the first stage. Default 16. */
  readonly width?: number;
  /** Blocks in each of the three stages: n in 6n + 2. Default 3. */
  readonly blocks?: number;
  readonly channels?: number;
  readonly classes?: number;
}

/** conv 3x3 - BN - ReLU - `blocks` blocks each at width, 2 width (stride 2), 4 width (stride 2) - mean - fc. */
export class ResNetCifar extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly fc: Linear;
  private readonly fuse: boolean;

  constructor({ width = 16, blocks = 3, channels = 3, classes = 10, fuse = true }: ResNetCifarConfig = {}) {
    super();
    this.fuse = fuse;
    this.conv1 = new Conv2d(channels, width, 3, { padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(width);
    const stage = (from: number, to: number, stride: number) =>
      new Sequential(
        Array.from(
          { length: blocks },
          (_, i) => new BasicBlock(i === 0 ? from : to, to, i === 0 ? stride : 1, { fuse }),
        ),
      );
    this.layer1 = stage(width, width, 1);
    this.layer2 = stage(width, 2 * width, 2);
    this.layer3 = stage(2 * width, 4 * width, 2);
    this.fc = new Linear(4 * width, classes);
  }

  forward(x: Tensor): Tensor {
    const h = this.conv1.forward(x);
    let y = this.fuse ? this.bn1.forwardRelu(h) : relu(this.bn1.forward(h));
    for (const layer of [this.layer1, this.layer2, this.layer3]) y = layer.forward(y);
    return this.fc.forward(mean(y, { axes: [2, 3] }));
  }
}
