// The narrow SEW networks for event cameras (Fang et al. 2021): for CIFAR10-DVS and for DVS128 Gesture.
import { expectOptions, OpError } from "../../gpu/index.ts";
import * as nn from "../../nn/index.ts";
import { flatten } from "../../ops/reshape.ts";
import { mean } from "../../ops/sum.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { KeysOf } from "../../text/index.ts";
import { SpikingInput, type SpikingOptions } from "./input.ts";
import {
  convBatchNorm,
  SEW_KEYS,
  SewBasicBlock,
  type SewBlockConfig,
  type SewOptions,
  sewConfig,
} from "./sew_block.ts";

/** Widths of the stages, each of which halves the frame. */
export const sewDvsPlans = {
  /** 1,192,218 parameters with 2 polarities, frames of 128 pixels and ten classes. */
  "cifar10-dvs": [64, 64, 64, 64, 128, 128, 128],
  /** 130,426 with eleven classes. */
  gesture: [32, 32, 32, 32, 32, 32, 32],
} as const;

/** Options of `SewDvs`. */
export interface SewDvsConfig extends SpikingOptions, SewOptions {
  /** Widths of the stages. Default: those of CIFAR10-DVS. */
  readonly widths?: readonly number[];
  /** Channels of a sample (polarities times frames). */
  readonly channels?: number;
  /** Height and width of a frame. Default 128. */
  readonly size?: number;
  readonly classes?: number;
}

/** 1x1 convolution - BN - neurons if the width changes, a SEW block, max pool 2. */
class SewDvsStage extends nn.Module {
  readonly conv: ReturnType<typeof convBatchNorm> | null;
  readonly sn: nn.SpikingNode | null;
  readonly block: SewBasicBlock;
  readonly pool = new nn.MaxPool2d({ kernel: 2 });

  constructor(from: number, width: number, config: SewBlockConfig) {
    super();
    this.conv = from === width ? null : convBatchNorm(from, width, 1, 1);
    this.sn = this.conv ? config.neurons() : null;
    this.block = new SewBasicBlock(width, width, 1, config);
  }

  forward(x: Tensor): Tensor {
    const y = this.block.forward(this.conv && this.sn ? this.conv.forwardInto(this.sn, x) : x);
    return nn.unfoldTime(this.pool.forward(nn.foldTime(y)), x.shape[0]!);
  }
}

/**
 * Stages - mean over time - fc. PLIF neurons of tau 2, ATan, detached hard reset by default; T = 16 frames as published.
 * Throws OpError for an unknown option.
 */
export class SewDvs extends nn.Module {
  readonly input: SpikingInput;
  readonly conv: nn.Sequential;
  readonly out: nn.Linear;

  constructor(given: SewDvsConfig = {}) {
    super();
    const known: KeysOf<SewDvsConfig> = { ...SEW_KEYS, widths: true, size: true };
    expectOptions("SewDvs", given, known);
    const {
      widths = sewDvsPlans["cifar10-dvs"],
      channels = 32,
      size = 128,
      classes = 10,
      connect,
      zeroInit,
      ...options
    } = given;
    const config = sewConfig({ neuron: "plif", ...options }, given);
    this.input = new SpikingInput({ timeSteps: 16, frames: true, ...options });
    let from = this.input.channelsOf(channels);
    this.conv = new nn.Sequential(
      widths.map((width) => {
        const stage = new SewDvsStage(from, width, config);
        from = width;
        return stage;
      }),
    );
    const side = widths.reduce((n) => Math.floor(n / 2), size);
    if (side < 1) {
      const problem = `size: expected at least ${2 ** widths.length} pixels for ${widths.length} halvings, got ${size}`;
      throw new OpError("SewDvs", problem);
    }
    this.out = new nn.Linear(from * side * side, classes);
  }

  forward(x: Tensor): Tensor {
    const y = mean(this.conv.forward(this.input.forward(x)), { axes: [0] });
    return this.out.forward(flatten(y, { startAxis: 1 }));
  }
}
