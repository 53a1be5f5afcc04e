// MixNet-S (Tan and Le 2019): inverted residuals whose depthwise convolutions mix kernel sizes. Names are those of timm's
// `mixnet_s`, the usual PyTorch model; the authors' code is in TensorFlow.

import { expectOptions } from "../gpu/index.ts";
import * as nn from "../nn/index.ts";
import { add } from "../ops/binary.ts";
import { mean } from "../ops/sum.ts";
import { silu } from "../ops/unary.ts";
import type { Tensor } from "../tensor/index.ts";
import { DROPOUT_NET_KEYS, type DropoutNetConfig } from "./classifier.ts";

interface StagePart {
  readonly blocks: number;
  /** Sizes of the depthwise kernels. */
  readonly kernels: readonly number[];
  /** Stride of the first block of the stage. */
  readonly stride?: number;
  readonly expansion: number;
  readonly to: number;
  /** 1x1 convolutions that are split in two halves: expanding and projecting, or projecting alone. */
  readonly halves?: "both" | "project";
  /** Channels between squeeze and excitation, as a share of the block's input; blocks with it use SiLU, others ReLU. */
  readonly squeeze?: number;
}

const STAGES: readonly (readonly StagePart[])[] = [
  [
    { blocks: 1, kernels: [3], stride: 2, expansion: 6, to: 24, halves: "both" },
    { blocks: 1, kernels: [3], expansion: 3, to: 24, halves: "both" },
  ],
  [
    { blocks: 1, kernels: [3, 5, 7], stride: 2, expansion: 6, to: 40, squeeze: 0.5 },
    { blocks: 3, kernels: [3, 5], expansion: 6, to: 40, halves: "both", squeeze: 0.5 },
  ],
  [
    { blocks: 1, kernels: [3, 5, 7], stride: 2, expansion: 6, to: 80, halves: "project", squeeze: 0.25 },
    { blocks: 2, kernels: [3, 5], expansion: 6, to: 80, halves: "project", squeeze: 0.25 },
  ],
  [
    { blocks: 1, kernels: [3, 5, 7], expansion: 6, to: 120, halves: "both", squeeze: 0.5 },
    { blocks: 2, kernels: [3, 5, 7, 9], expansion: 3, to: 120, halves: "both", squeeze: 0.5 },
  ],
  [
    { blocks: 1, kernels: [3, 5, 7, 9, 11], stride: 2, expansion: 6, to: 200, squeeze: 0.5 },
    { blocks: 2, kernels: [3, 5, 7, 9], expansion: 6, to: 200, halves: "project", squeeze: 0.5 },
  ],
];
const STEM = 16;
const LAST = 1536;

const biasInit = nn.constantInit(0);
// Unlike torchvision, timm counts the outputs of one group.
const init = (groups: number) => nn.kaimingNormalInit("fan_out", groups);

/** Make one convolution, or several in parallel for several kernels. */
function convolution(from: number, to: number, kernels: readonly number[], stride = 1, depthwise = false): nn.Module {
  if (kernels.length > 1) return new nn.MixedConv2d(from, to, kernels, { stride, depthwise, init });
  const kernel = kernels[0]!;
  const groups = depthwise ? from : 1;
  return new nn.Conv2d(from, to, kernel, {
    stride,
    padding: (kernel - 1) / 2,
    groups,
    bias: false,
    init: init(groups),
  });
}

/** Apply BN and activation. */
function activate(bn: nn.BatchNorm2d, x: Tensor, swish: boolean): Tensor {
  return swish ? silu(bn.forward(x)) : bn.forwardRelu(x);
}

class SqueezeExcite extends nn.Module {
  readonly conv_reduce: nn.Conv2d;
  readonly conv_expand: nn.Conv2d;

  constructor(channels: number, squeezed: number) {
    super();
    this.conv_reduce = new nn.Conv2d(channels, squeezed, 1, { init: init(1), biasInit });
    this.conv_expand = new nn.Conv2d(squeezed, channels, 1, { init: init(1), biasInit });
  }

  forward(x: Tensor): Tensor {
    return nn.squeezeExcite(x, this.conv_reduce, this.conv_expand);
  }
}

/** The first block: depthwise 3x3 and 1x1, plus the input. */
class SeparableBlock extends nn.Module {
  readonly conv_dw: nn.Module;
  readonly bn1: nn.BatchNorm2d;
  readonly conv_pw: nn.Module;
  readonly bn2: nn.BatchNorm2d;

  constructor(channels: number) {
    super();
    this.conv_dw = convolution(channels, channels, [3], 1, true);
    this.bn1 = new nn.BatchNorm2d(channels);
    this.conv_pw = convolution(channels, channels, [1]);
    this.bn2 = new nn.BatchNorm2d(channels);
  }

  forward(x: Tensor): Tensor {
    const y = this.conv_pw.forward(this.bn1.forwardRelu(this.conv_dw.forward(x)));
    return add(this.bn2.forward(y), x);
  }
}

/** 1x1 to more channels - mixed depthwise - squeeze and excitation - 1x1 to few; plus the input if shapes agree. */
class MixBlock extends nn.Module {
  readonly conv_pw: nn.Module;
  readonly bn1: nn.BatchNorm2d;
  readonly conv_dw: nn.Module;
  readonly bn2: nn.BatchNorm2d;
  readonly se: SqueezeExcite | null;
  readonly conv_pwl: nn.Module;
  readonly bn3: nn.BatchNorm2d;
  private readonly residual: boolean;

  constructor(from: number, stride: number, { kernels, expansion, to, halves, squeeze }: Omit<StagePart, "blocks">) {
    super();
    const wide = from * expansion;
    this.residual = stride === 1 && from === to;
    this.conv_pw = convolution(from, wide, halves === "both" ? [1, 1] : [1]);
    this.bn1 = new nn.BatchNorm2d(wide);
    this.conv_dw = convolution(wide, wide, kernels, stride, true);
    this.bn2 = new nn.BatchNorm2d(wide);
    this.se = squeeze === undefined ? null : new SqueezeExcite(wide, from * squeeze);
    this.conv_pwl = convolution(wide, to, halves ? [1, 1] : [1]);
    this.bn3 = new nn.BatchNorm2d(to);
  }

  forward(x: Tensor): Tensor {
    const swish = this.se !== null;
    const wide = activate(this.bn1, this.conv_pw.forward(x), swish);
    const mixed = activate(this.bn2, this.conv_dw.forward(wide), swish);
    const y = this.bn3.forward(this.conv_pwl.forward(this.se ? this.se.forward(mixed) : mixed));
    return this.residual ? add(y, x) : y;
  }
}

/** Dropout before the classifier. Default 0.2, as the authors'. */
export type MixNetConfig = DropoutNetConfig;

/**
 * MixNet-S: 4,134,606 parameters with 1000 classes. x [N, C, H, W], of 224 x 224 pixels in the paper. Throws OpError for an
 * unknown option.
 */
export class MixNet extends nn.Module {
  readonly conv_stem: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly blocks: nn.Sequential;
  readonly conv_head: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;
  readonly dropout: nn.Dropout;
  readonly classifier: nn.Linear;

  constructor(config: MixNetConfig) {
    super();
    expectOptions("MixNet", config, DROPOUT_NET_KEYS);
    const { channels = 3, classes = 1000, dropout = 0.2, random } = config;
    this.conv_stem = new nn.Conv2d(channels, STEM, 3, { stride: 2, padding: 1, bias: false, init: init(1) });
    this.bn1 = new nn.BatchNorm2d(STEM);
    let from = STEM;
    const stages = STAGES.map((parts) => {
      const blocks = parts.flatMap(({ blocks: count, stride = 1, ...plan }) =>
        Array.from({ length: count }, (_, i) => {
          const block = new MixBlock(from, i === 0 ? stride : 1, plan);
          from = plan.to;
          return block;
        }),
      );
      return new nn.Sequential(blocks);
    });
    this.blocks = new nn.Sequential([new nn.Sequential([new SeparableBlock(STEM)]), ...stages]);
    this.conv_head = new nn.Conv2d(from, LAST, 1, { bias: false, init: init(1) });
    this.bn2 = new nn.BatchNorm2d(LAST);
    this.dropout = new nn.Dropout(dropout, random);
    this.classifier = new nn.Linear(LAST, classes, { init: nn.uniformInit(1 / Math.sqrt(classes)), biasInit });
  }

  forward(x: Tensor): Tensor {
    const y = this.blocks.forward(this.bn1.forwardRelu(this.conv_stem.forward(x)));
    const last = this.bn2.forwardRelu(this.conv_head.forward(y));
    return this.classifier.forward(this.dropout.forward(mean(last, { axes: [2, 3] })));
  }
}
