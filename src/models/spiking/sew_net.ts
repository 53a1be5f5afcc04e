// The smallest network with a SEW block, for small images: one stem, one block.

import { expectOptions } from "../../gpu/index.ts";
import * as nn from "../../nn/index.ts";
import { sewConnect } from "../../ops/sew_connect.ts";
import { mean } from "../../ops/sum.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { KeysOf } from "../../text/index.ts";
import { neuronMaker, SPIKING_KEYS, SpikingInput, type SpikingOptions } from "./input.ts";

/** Options of `SewNet`. */
export interface SewNetConfig extends SpikingOptions {
  readonly channels?: number;
  /** Channels of every convolution. Default 16. */
  readonly width?: number;
  readonly classes?: number;
}

/**
 * conv 3x3 - BN - neurons - max pool 2 - SEW block (ADD) of two 3x3 - mean over space and time - fc. Throws OpError for an
 * unknown option.
 */
export class SewNet extends nn.Module {
  readonly input: SpikingInput;
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly sn1: nn.SpikingNode;
  readonly pool = new nn.MaxPool2d({ kernel: 2 });
  readonly conv2: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;
  readonly sn2: nn.SpikingNode;
  readonly conv3: nn.Conv2d;
  readonly bn3: nn.BatchNorm2d;
  readonly sn3: nn.SpikingNode;
  readonly fc: nn.Linear;

  constructor(config: SewNetConfig = {}) {
    super();
    const known: KeysOf<SewNetConfig> = { ...SPIKING_KEYS, channels: true, width: true, classes: true };
    expectOptions("SewNet", config, known);
    const { channels = 1, width = 16, classes = 10, ...options } = config;
    const neurons = neuronMaker(options);
    const conv = (from: number) => new nn.Conv2d(from, width, 3, { padding: 1, bias: false });
    this.input = new SpikingInput(options);
    this.conv1 = conv(this.input.channelsOf(channels));
    this.bn1 = new nn.BatchNorm2d(width);
    this.sn1 = neurons();
    this.conv2 = conv(width);
    this.bn2 = new nn.BatchNorm2d(width);
    this.sn2 = neurons();
    this.conv3 = conv(width);
    this.bn3 = new nn.BatchNorm2d(width);
    this.sn3 = neurons();
    this.fc = new nn.Linear(width, classes);
  }

  forward(x: Tensor): Tensor {
    const { timeSteps } = this.input;
    const pooled = this.pool.forward(nn.foldTime(this.input.into(x, this.conv1, this.bn1, this.sn1)));
    const first = this.sn2.forwardBatchNorm(this.bn2, this.conv2.forward(pooled), timeSteps);
    const out = this.sn3.forwardBatchNorm(this.bn3, this.conv3.forward(nn.foldTime(first)), timeSteps);
    const joined = sewConnect(nn.unfoldTime(pooled, timeSteps), out, { connect: "ADD" });
    return this.fc.forward(mean(joined, { axes: [0, 3, 4] }));
  }
}
