// Convolutions of several kernel sizes in parallel, each for a part of the channels.
import { expectOptions, OpError } from "../gpu/index.ts";
import { concat, narrow } from "../ops/slice.ts";
import type { Tensor } from "../tensor/index.ts";
import type { KeysOf } from "../text/index.ts";
import { Conv2d } from "./conv.ts";
import { type Initializer, kaimingNormalInit } from "./init.ts";
import { Module } from "./module.ts";

/** Options of `MixedConv2d`. */
export interface MixedConvConfig {
  readonly stride?: number;
  /** True for depthwise convolutions. Default false. */
  readonly depthwise?: boolean;
  /** Initial values of a convolution with `groups` groups. Default N(0, 2/fan_out). */
  readonly init?: (groups: number) => Initializer;
}

const KEYS: KeysOf<MixedConvConfig> = { stride: true, depthwise: true, init: true };

/** Split channels into equal parts; the first also takes the remainder. */
function partsOf(channels: number, parts: number): number[] {
  const each = Math.floor(channels / parts);
  return Array.from({ length: parts }, (_, i) => (i === 0 ? channels - each * (parts - 1) : each));
}

/**
 * MixConv: x [N, from, H, W] -> [N, to, H', W'], part i of the channels through a convolution with kernel i, without bias,
 * padded to keep the size. Children are "0", "1", ... Throws OpError for no kernel, an even one, or fewer
 * channels than kernels. Source: Tan and Le 2019, "MixConv: Mixed Depthwise Convolutional Kernels"; the parts as in timm.
 */
export class MixedConv2d extends Module {
  /** Input channels of each kernel size, before compaction. */
  readonly inputs: readonly number[];
  [index: string]: unknown;

  constructor(from: number, to: number, kernels: readonly number[], config: MixedConvConfig = {}) {
    super();
    expectOptions("MixedConv2d", config, KEYS);
    const { stride = 1, depthwise = false, init = (groups) => kaimingNormalInit("fan_out", groups) } = config;
    const parts = kernels.length;
    if (parts === 0 || kernels.some((k) => !Number.isInteger(k) || k < 1 || k % 2 === 0))
      throw new OpError("MixedConv2d", `kernels: expected odd sizes, got [${kernels.join(", ")}]`);
    if (Math.min(from, to) < parts || (depthwise && from !== to)) {
      const problem = `channels: expected at least ${parts}, one per kernel, and equal ones if depthwise, got ${from} and ${to}`;
      throw new OpError("MixedConv2d", problem);
    }
    this.inputs = partsOf(from, parts);
    const outputs = partsOf(to, parts);
    kernels.forEach((kernel, i) => {
      const own = this.inputs[i]!;
      const groups = depthwise ? own : 1;
      const options = { stride, padding: (kernel - 1) / 2, groups, bias: false, init: init(groups) };
      this[String(i)] = new Conv2d(own, outputs[i]!, kernel, options);
    });
  }

  forward(x: Tensor): Tensor {
    let start = 0;
    const parts = this.inputs.map((_, i) => {
      const conv = this[String(i)] as Conv2d;
      // Compaction changes the channels of a convolution.
      const length = conv.weight.shape[1]! * (conv.options.groups ?? 1);
      const part = narrow(x, { axis: 1, start, length });
      start += length;
      return conv.forward(part);
    });
    return concat(parts, { axis: 1 });
  }
}
