// Residual blocks of ResNets (He et al. 2016), with torchvision's names.

import { expectOptions, OpError } from "../gpu/index.ts";
import * as nn from "../nn/index.ts";
import { avgPool2d } from "../ops/avg_pool2d.ts";
import { add } from "../ops/binary.ts";
import { pad } from "../ops/pad.ts";
import { relu } from "../ops/unary.ts";
import type { Tensor } from "../tensor/index.ts";

/** Shortcuts of ResNets for small images. */
export const SHORTCUTS = ["identity", "projection"] as const;

/**
 * Shortcut of a block that changes the shape. `projection`: a 1x1 convolution and batch norm, option B of He et al. 2016.
 * `identity`: every second pixel, and channels of zeros; no parameters, option A.
 */
export type ShortcutKind = (typeof SHORTCUTS)[number];

/** Options of `Bottleneck`. */
export interface BottleneckConfig {
  /** False: batch norm, addition and ReLU run as separate kernels, with equal results. Default true. */
  readonly fuse?: boolean;
  /** Initial values of the convolutions. Default PyTorch's. */
  readonly init?: nn.Initializer;
}

/** Options of `BasicBlock`. */
export interface BasicBlockConfig extends BottleneckConfig {
  /** Shortcut of a block that changes the shape. Default projection. */
  readonly shortcut?: ShortcutKind;
}

/** Throw OpError for an unknown shortcut. */
export function expectShortcut(op: string, shortcut: ShortcutKind): void {
  if (!SHORTCUTS.includes(shortcut))
    throw new OpError(op, `shortcut: expected ${SHORTCUTS.join(" or ")}, got ${JSON.stringify(shortcut)}`);
}

/** Return every `stride`-th pixel of x [N, C, H, W], with channels of zeros before and after its own: [N, channels, H', W']. */
function subsampled(x: Tensor, [before, after]: readonly [number, number], stride: number): Tensor {
  // A window of one pixel copies it.
  const y = stride === 1 ? x : avgPool2d(x, { kernel: 1, stride });
  return pad(y, [0, 0, 0, 0, before, after]);
}

/** Make a 1x1 convolution and batch norm if the block changes the shape; else null. */
function shortcut(from: number, to: number, stride: number, init: nn.Initializer): nn.Sequential | null {
  if (stride === 1 && from === to) return null;
  return new nn.Sequential([new nn.Conv2d(from, to, 1, { stride, bias: false, init }), new nn.BatchNorm2d(to)]);
}

/** Compute relu(bn(x)), in one kernel or two. */
export function normRelu(bn: nn.BatchNorm2d, x: Tensor, fuse: boolean): Tensor {
  return fuse ? bn.forwardRelu(x) : relu(bn.forward(x));
}

/** Compute relu(bn(x) + shortcut), in one kernel or three. */
function normAddRelu(bn: nn.BatchNorm2d, x: Tensor, other: Tensor, fuse: boolean): Tensor {
  return fuse ? bn.forwardAddRelu(x, other) : relu(add(bn.forward(x), other));
}

/**
 * conv - BN - ReLU - conv - BN, plus the input (through the shortcut if shapes differ), then ReLU. Throws OpError for an
 * unknown option, and for an identity shortcut to fewer channels.
 */
export class BasicBlock extends nn.Module {
  /** Output channels per entry of `channels`. */
  static readonly expansion = 1;
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly conv2: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;
  readonly downsample: nn.Sequential | null;
  /** Channels of zeros before and after those of the identity shortcut; null for any other. */
  readonly zeroChannels: readonly [number, number] | null;
  private readonly fuse: boolean;
  private readonly stride: number;

  constructor(inChannels: number, channels: number, stride: number, config: BasicBlockConfig = {}) {
    super();
    expectOptions("BasicBlock", config, { fuse: true, init: true, shortcut: true });
    const { fuse = true, init = nn.defaultWeightInit, shortcut: kind = "projection" } = config;
    expectShortcut("BasicBlock", kind);
    if (kind === "identity" && channels < inChannels)
      throw new OpError("BasicBlock", `shortcut identity: expected at least ${inChannels} channels, got ${channels}`);
    this.fuse = fuse;
    this.stride = stride;
    const added = channels - inChannels;
    const isPlain = kind === "projection" || (stride === 1 && added === 0);
    this.zeroChannels = isPlain ? null : [Math.floor(added / 2), Math.ceil(added / 2)];
    this.conv1 = new nn.Conv2d(inChannels, channels, 3, { stride, padding: 1, bias: false, init });
    this.bn1 = new nn.BatchNorm2d(channels);
    this.conv2 = new nn.Conv2d(channels, channels, 3, { padding: 1, bias: false, init });
    this.bn2 = new nn.BatchNorm2d(channels);
    this.downsample = kind === "identity" ? null : shortcut(inChannels, channels, stride, init);
  }

  forward(x: Tensor): Tensor {
    const { fuse } = this;
    const y = this.conv2.forward(normRelu(this.bn1, this.conv1.forward(x), fuse));
    return normAddRelu(this.bn2, y, this.shortcut(x), fuse);
  }

  private shortcut(x: Tensor): Tensor {
    if (this.downsample) return this.downsample.forward(x);
    return this.zeroChannels ? subsampled(x, this.zeroChannels, this.stride) : x;
  }
}

/**
 * 1x1 - 3x3 - 1x1, the last with four times the channels. The stride is in the 3x3, as in torchvision. Throws OpError for an
 * unknown option.
 */
export class Bottleneck extends nn.Module {
  /** Factor of the output channels. */
  static readonly expansion = 4;
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly conv2: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;
  readonly conv3: nn.Conv2d;
  readonly bn3: nn.BatchNorm2d;
  readonly downsample: nn.Sequential | null;
  private readonly fuse: boolean;

  constructor(inChannels: number, channels: number, stride: number, config: BottleneckConfig = {}) {
    super();
    expectOptions("Bottleneck", config, { fuse: true, init: true });
    const { fuse = true, init = nn.defaultWeightInit } = config;
    const to = channels * Bottleneck.expansion;
    this.fuse = fuse;
    this.conv1 = new nn.Conv2d(inChannels, channels, 1, { bias: false, init });
    this.bn1 = new nn.BatchNorm2d(channels);
    this.conv2 = new nn.Conv2d(channels, channels, 3, { stride, padding: 1, bias: false, init });
    this.bn2 = new nn.BatchNorm2d(channels);
    this.conv3 = new nn.Conv2d(channels, to, 1, { bias: false, init });
    this.bn3 = new nn.BatchNorm2d(to);
    this.downsample = shortcut(inChannels, to, stride, init);
  }

  forward(x: Tensor): Tensor {
    const { fuse } = this;
    const narrow = normRelu(this.bn1, this.conv1.forward(x), fuse);
    const y = this.conv3.forward(normRelu(this.bn2, this.conv2.forward(narrow), fuse));
    return normAddRelu(this.bn3, y, this.downsample ? this.downsample.forward(x) : x, fuse);
  }
}

/** Make the four stages of a ResNet, of 64, 128, 256 and 512 channels. All but the first halve the image. */
export function resNetStages(
  blocks: readonly [number, number, number, number],
  expansion: number,
  make: (from: number, channels: number, stride: number) => nn.Module,
) {
  let from = 64;
  const stage = (channels: number, count: number, firstStride: number) => {
    const modules = Array.from({ length: count }, (_, i) => {
      const block = make(from, channels, i === 0 ? firstStride : 1);
      from = channels * expansion;
      return block;
    });
    return new nn.Sequential(modules);
  };
  return [
    stage(64, blocks[0], 1),
    stage(128, blocks[1], 2),
    stage(256, blocks[2], 2),
    stage(512, blocks[3], 2),
  ] as const;
}
