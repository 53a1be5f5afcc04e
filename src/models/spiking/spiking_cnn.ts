// A small spiking convolutional network: LeNet-BN with neurons in place of ReLU, and a time axis.

import { expectOptions } from "../../gpu/index.ts";
import * as nn from "../../nn/index.ts";
import { mean } from "../../ops/sum.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { KeysOf } from "../../text/index.ts";
import { neuronMaker, SPIKING_KEYS, SpikingInput, type SpikingOptions } from "./input.ts";

/** Options of `SpikingCnn`. */
export interface SpikingCnnConfig extends SpikingOptions {
  /** Channels of a sample (polarities times frames for event frames). */
  readonly channels?: number;
  readonly size?: number;
  readonly classes?: number;
  /** Channels of the first convolution; the second has twice as many. Default 8. */
  readonly width?: number;
}

/**
 * conv 5x5/2 - BN - neurons - conv 5x5/2 - BN - neurons - fc 128 - BN - neurons - mean over time - fc classes: LeNetBN with
 * one more batch norm. 105,346 parameters for grey images of 28 pixels and ten classes (LeNetBN: 105,218); PLIF has
 * three more.
 * Throws OpError for an unknown option.
 */
export class SpikingCnn extends nn.Module {
  readonly input: SpikingInput;
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly sn1: nn.SpikingNode;
  readonly conv2: nn.SeqToANNContainer;
  readonly sn2: nn.SpikingNode;
  readonly fc1: nn.SeqToANNContainer;
  readonly sn3: nn.SpikingNode;
  readonly fc2: nn.Linear;

  constructor(config: SpikingCnnConfig = {}) {
    super();
    const known: KeysOf<SpikingCnnConfig> = { ...SPIKING_KEYS, channels: true, size: true, classes: true, width: true };
    expectOptions("SpikingCnn", config, known);
    const { channels = 1, size = 28, classes = 10, width = 8, ...options } = config;
    const neurons = neuronMaker(options);
    const side = Math.ceil(Math.ceil(size / 2) / 2);
    this.input = new SpikingInput(options);
    this.conv1 = new nn.Conv2d(this.input.channelsOf(channels), width, 5, { stride: 2, padding: 2, bias: false });
    this.bn1 = new nn.BatchNorm2d(width);
    this.sn1 = neurons();
    this.conv2 = new nn.SeqToANNContainer(
      new nn.Conv2d(width, 2 * width, 5, { stride: 2, padding: 2, bias: false }),
      new nn.BatchNorm2d(2 * width),
    );
    this.sn2 = neurons();
    // Without batch norm the few spikes of a step hardly reach the threshold, and the layer does not learn.
    this.fc1 = new nn.SeqToANNContainer(
      new nn.Flatten(),
      new nn.Linear(2 * width * side * side, 128, { bias: false }),
      new nn.BatchNorm1d(128),
    );
    this.sn3 = neurons();
    this.fc2 = new nn.Linear(128, classes);
  }

  forward(x: Tensor): Tensor {
    const first = this.input.into(x, this.conv1, this.bn1, this.sn1);
    const second = this.conv2.forwardInto(this.sn2, first);
    const third = this.fc1.forwardInto(this.sn3, second);
    // The last layer is affine, so its output for the mean over time is the mean of its outputs.
    return this.fc2.forward(mean(third, { axes: [0] }));
  }
}
