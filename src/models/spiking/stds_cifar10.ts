// The spiking network of STDS for CIFAR-10: six convolutions, two linear layers, and a voting layer.
import { expectOptions } from "../../gpu/index.ts";
import * as nn from "../../nn/index.ts";
import { reshape } from "../../ops/reshape.ts";
import { mean } from "../../ops/sum.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { KeysOf } from "../../text/index.ts";
import { neuronMaker, SPIKING_KEYS, SpikingInput, type SpikingOptions } from "./input.ts";

/** Output neurons of a class, whose mean rate is the class's vote. */
const VOTERS = 10;

/** Options of `StdsCifar10`. */
export interface StdsCifar10Config extends SpikingOptions {
  /** Channels of a sample (polarities times frames for event frames). */
  readonly channels?: number;
  /** Height and width of the images. Default 32. */
  readonly size?: number;
  readonly classes?: number;
  /** Channels of the convolutions. Default 256. */
  readonly width?: number;
  /** Neurons of the hidden linear layer. Default 8 times the width. */
  readonly hidden?: number;
  /** Random state of dropout. */
  readonly randomState?: nn.RandomState;
}

/**
 * (conv 3x3 - BN - neurons) three times - max pool 2 - the same again - dropout 0.5 - linear - neurons - dropout 0.5 - linear -
 * neurons - votes: the output of a class is the mean rate of its ten neurons over the time steps, from 0 to 1. It is trained with
 * the squared error to one-hot targets. No layer has a bias, and every weight is pruned: 36,715,264 of 36,718,336 parameters at
 * the authors' size, with their state_dict names; their linear layers are 1x1 convolutions. Throws OpError for an unknown option.
 *
 * Source: Chen et al. 2022, "State Transition of Dendritic Spines Improves Learning of Sparse Spiking Neural Networks".
 */
export class StdsCifar10 extends nn.Module {
  readonly input: SpikingInput;
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly sn1: nn.SpikingNode;
  readonly conv2: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;
  readonly sn2: nn.SpikingNode;
  readonly conv3: nn.Conv2d;
  readonly bn3: nn.BatchNorm2d;
  readonly sn3: nn.SpikingNode;
  readonly conv4: nn.Conv2d;
  readonly bn4: nn.BatchNorm2d;
  readonly sn4: nn.SpikingNode;
  readonly conv5: nn.Conv2d;
  readonly bn5: nn.BatchNorm2d;
  readonly sn5: nn.SpikingNode;
  readonly conv6: nn.Conv2d;
  readonly bn6: nn.BatchNorm2d;
  readonly sn6: nn.SpikingNode;
  readonly pool = new nn.MaxPool2d({ kernel: 2 });
  readonly dp7: nn.MultiStepDropout;
  readonly fc7: nn.Linear;
  readonly sn7: nn.SpikingNode;
  readonly dp8: nn.MultiStepDropout;
  readonly fc8: nn.Linear;
  readonly sn8: nn.SpikingNode;
  private readonly classes: number;

  constructor(config: StdsCifar10Config = {}) {
    super();
    const known: KeysOf<StdsCifar10Config> = {
      ...{ ...SPIKING_KEYS, channels: true, size: true, classes: true },
      ...{ width: true, hidden: true, randomState: true },
    };
    expectOptions("StdsCifar10", config, known);
    const { channels = 3, size = 32, classes = 10, width = 256, hidden = 8 * width, randomState, ...options } = config;
    const neurons = neuronMaker(options);
    const conv = (from: number) => new nn.Conv2d(from, width, 3, { padding: 1, bias: false });
    const side = Math.floor(Math.floor(size / 2) / 2);
    this.classes = classes;
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
    this.conv4 = conv(width);
    this.bn4 = new nn.BatchNorm2d(width);
    this.sn4 = neurons();
    this.conv5 = conv(width);
    this.bn5 = new nn.BatchNorm2d(width);
    this.sn5 = neurons();
    this.conv6 = conv(width);
    this.bn6 = new nn.BatchNorm2d(width);
    this.sn6 = neurons();
    this.dp7 = new nn.MultiStepDropout(0.5, randomState);
    this.fc7 = new nn.Linear(width * side * side, hidden, { bias: false });
    this.sn7 = neurons();
    this.dp8 = new nn.MultiStepDropout(0.5, randomState);
    this.fc8 = new nn.Linear(hidden, classes * VOTERS, { bias: false });
    this.sn8 = neurons();
  }

  forward(x: Tensor): Tensor {
    const { timeSteps } = this.input;
    const block = (folded: Tensor, conv: nn.Conv2d, bn: nn.BatchNorm2d, neurons: nn.SpikingNode) =>
      nn.foldTime(neurons.forwardBatchNorm(bn, conv.forward(folded), timeSteps));
    let y = nn.foldTime(this.input.into(x, this.conv1, this.bn1, this.sn1));
    y = block(y, this.conv2, this.bn2, this.sn2);
    y = this.pool.forward(block(y, this.conv3, this.bn3, this.sn3));
    y = block(y, this.conv4, this.bn4, this.sn4);
    y = block(y, this.conv5, this.bn5, this.sn5);
    y = this.pool.forward(block(y, this.conv6, this.bn6, this.sn6));
    const flat = reshape(y, { shape: [timeSteps, y.shape[0]! / timeSteps, this.fc7.weight.shape[1]!] });
    const hidden = this.dense(this.dp7.forward(flat), this.fc7, this.sn7);
    return this.votes(this.dense(this.dp8.forward(hidden), this.fc8, this.sn8));
  }

  /** Compute the spikes of a linear layer: x [T, N, from] -> [T, N, to]. */
  private dense(x: Tensor, layer: nn.Linear, neurons: nn.SpikingNode): Tensor {
    return neurons.forward(nn.unfoldTime(layer.forward(nn.foldTime(x)), this.input.timeSteps));
  }

  /** Compute the mean rate of each class's neurons: spikes [T, N, classes · voters] -> [N, classes]. */
  private votes(spikes: Tensor): Tensor {
    const [steps, samples] = spikes.shape as [number, number];
    return mean(reshape(spikes, { shape: [steps, samples, this.classes, VOTERS] }), { axes: [0, 3] });
  }
}
