// Residual blocks of SEW ResNets: the shortcut joins after the neurons, so that a block can learn the identity.

import { expectOptions } from "../../gpu/index.ts";
import * as nn from "../../nn/index.ts";
import { type SewConnect, sewConnect } from "../../ops/sew_connect.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { KeysOf } from "../../text/index.ts";
import { firingCurrent, neuronMaker, SPIKING_KEYS, type SpikingOptions } from "./input.ts";

/** Options of `SewBasicBlock` and `SewBottleneck`. */
export interface SewBlockConfig {
  /** ADD: identity + out; AND: identity · out; IAND: identity · (1 - out). Default ADD. */
  readonly connect?: SewConnect;
  /**
   * True: start as the identity. The branch's last batch norm has weight 0, and with AND a bias that makes the neurons fire at
   * every step (1 for IF neurons, as published; tau times that if a leak acts on the input). Default false.
   */
  readonly zeroInit?: boolean;
  /** Current that makes a neuron fire at every step. Default 1. */
  readonly firingCurrent?: number;
  readonly neurons: () => nn.SpikingNode;
}

const KEYS: KeysOf<SewBlockConfig> = { connect: true, zeroInit: true, firingCurrent: true, neurons: true };

/** The part of SewBlockConfig that a whole network accepts. */
export type SewOptions = Pick<SewBlockConfig, "connect" | "zeroInit">;

/** Option names that the larger SEW networks share. */
export const SEW_KEYS = { ...SPIKING_KEYS, connect: true, zeroInit: true, channels: true, classes: true } as const;

/** Return the blocks' config for the neurons of `options`. */
export function sewConfig(options: SpikingOptions, { connect = "ADD", zeroInit = false }: SewOptions): SewBlockConfig {
  return { connect, zeroInit, firingCurrent: firingCurrent(options), neurons: neuronMaker(options) };
}

const init = nn.kaimingNormalInit("fan_out");

/** A convolution without bias and batch norm, over all steps at once. */
export function convBatchNorm(
  from: number,
  to: number,
  kernel: number,
  stride: number,
  norm: nn.BatchNormConfig = {},
): nn.SeqToANNContainer {
  const conv = new nn.Conv2d(from, to, kernel, { stride, padding: (kernel - 1) / 2, bias: false, init });
  return new nn.SeqToANNContainer(conv, new nn.BatchNorm2d(to, norm));
}

/** Return the initial values of the branch's last batch norm. */
function lastNorm({ zeroInit = false, connect = "ADD", firingCurrent = 1 }: SewBlockConfig): nn.BatchNormConfig {
  return zeroInit ? { initial: { weight: 0, bias: connect === "AND" ? firingCurrent : 0 } } : {};
}

/** The shortcut if shapes differ: 1x1 convolution, batch norm, neurons. */
function shortcut(from: number, to: number, stride: number, neurons: () => nn.SpikingNode): nn.Sequential | null {
  return stride === 1 && from === to ? null : new nn.Sequential([convBatchNorm(from, to, 1, stride), neurons()]);
}

function throughShortcut(downsample: nn.Sequential | null, x: Tensor): Tensor {
  if (!downsample) return x;
  return (downsample.at(0) as nn.SeqToANNContainer).forwardInto(downsample.at(1) as nn.SpikingNode, x);
}

/** Two 3x3 convolutions, each with batch norm and neurons; x [T, N, C, H, W]. Throws OpError for an unknown option. */
export class SewBasicBlock extends nn.Module {
  /** Factor of the output channels. */
  static readonly expansion = 1;
  readonly conv1: nn.SeqToANNContainer;
  readonly sn1: nn.SpikingNode;
  readonly conv2: nn.SeqToANNContainer;
  readonly sn2: nn.SpikingNode;
  readonly downsample: nn.Sequential | null;
  private readonly connect: SewConnect;

  constructor(from: number, planes: number, stride: number, config: SewBlockConfig) {
    super();
    expectOptions("SewBasicBlock", config, KEYS);
    const { neurons, connect = "ADD" } = config;
    this.conv1 = convBatchNorm(from, planes, 3, stride);
    this.sn1 = neurons();
    this.conv2 = convBatchNorm(planes, planes, 3, 1, lastNorm(config));
    this.sn2 = neurons();
    this.downsample = shortcut(from, planes, stride, neurons);
    this.connect = connect;
  }

  forward(x: Tensor): Tensor {
    const out = this.conv2.forwardInto(this.sn2, this.conv1.forwardInto(this.sn1, x));
    return sewConnect(throughShortcut(this.downsample, x), out, { connect: this.connect });
  }
}

/**
 * 1x1, 3x3 (with the stride) and 1x1 to four times the planes, each with batch norm and neurons. Throws OpError for an
 * unknown option.
 */
export class SewBottleneck extends nn.Module {
  /** Factor of the output channels. */
  static readonly expansion = 4;
  readonly conv1: nn.SeqToANNContainer;
  readonly sn1: nn.SpikingNode;
  readonly conv2: nn.SeqToANNContainer;
  readonly sn2: nn.SpikingNode;
  readonly conv3: nn.SeqToANNContainer;
  readonly sn3: nn.SpikingNode;
  readonly downsample: nn.Sequential | null;
  private readonly connect: SewConnect;

  constructor(from: number, planes: number, stride: number, config: SewBlockConfig) {
    super();
    expectOptions("SewBottleneck", config, KEYS);
    const { neurons, connect = "ADD" } = config;
    const to = planes * SewBottleneck.expansion;
    this.conv1 = convBatchNorm(from, planes, 1, 1);
    this.sn1 = neurons();
    this.conv2 = convBatchNorm(planes, planes, 3, stride);
    this.sn2 = neurons();
    this.conv3 = convBatchNorm(planes, to, 1, 1, lastNorm(config));
    this.sn3 = neurons();
    this.downsample = shortcut(from, to, stride, neurons);
    this.connect = connect;
  }

  forward(x: Tensor): Tensor {
    const h = this.conv2.forwardInto(this.sn2, this.conv1.forwardInto(this.sn1, x));
    const out = this.conv3.forwardInto(this.sn3, h);
    // As in the authors' code, also for IAND: identity · (1 - out). Some later code swaps the two here.
    return sewConnect(throughShortcut(this.downsample, x), out, { connect: this.connect });
  }
}
