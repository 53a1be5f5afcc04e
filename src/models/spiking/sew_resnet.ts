// SEW ResNets for ImageNet (Fang et al. 2021), with the authors' names in the state_dict.
import { expectOptions, OpError } from "../../gpu/index.ts";
import {
  BatchNorm2d,
  Conv2d,
  foldTime,
  kaimingNormalInit,
  Linear,
  MaxPool2d,
  Module,
  Sequential,
  type SpikingNode,
  unfoldTime,
} from "../../nn/index.ts";
import { mean } from "../../ops/sum.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { KeysOf } from "../../text/index.ts";
import { firingCurrent, neuronMaker, SPIKING_KEYS, SpikingInput, type SpikingOptions } from "./input.ts";
import { SewBasicBlock, type SewBlockConfig, SewBottleneck } from "./sew_block.ts";

const PLANS = {
  18: { block: SewBasicBlock, layers: [2, 2, 2, 2] },
  34: { block: SewBasicBlock, layers: [3, 4, 6, 3] },
  50: { block: SewBottleneck, layers: [3, 4, 6, 3] },
  101: { block: SewBottleneck, layers: [3, 4, 23, 3] },
  152: { block: SewBottleneck, layers: [3, 8, 36, 3] },
} as const;

export type SewDepth = keyof typeof PLANS;

export interface SewResNetConfig extends SpikingOptions, Pick<SewBlockConfig, "connect" | "zeroInit"> {
  readonly depth?: SewDepth;
  readonly channels?: number;
  readonly classes?: number;
}

/**
 * conv 7x7/2 - BN - neurons - max pool 3x3/2 - four stages of SEW blocks of 64, 128, 256, 512 planes - mean over space and
 * time - fc. IF neurons, ATan, detached hard reset and ADD by default, as published. SEW ResNet-18 with 1000 classes has
 * 11,689,512 parameters. x [N, C, H, W], of 224 x 224 pixels in the paper.
 */
export class SewResNet extends Module {
  readonly input: SpikingInput;
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly sn1: SpikingNode;
  readonly maxpool: MaxPool2d;
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly layer4: Sequential;
  readonly fc: Linear;

  constructor(given: SewResNetConfig = {}) {
    super();
    const known: KeysOf<SewResNetConfig> = {
      ...SPIKING_KEYS,
      connect: true,
      zeroInit: true,
      depth: true,
      channels: true,
      classes: true,
    };
    expectOptions("SewResNet", given, known);
    const { depth = 18, channels = 3, classes = 1000, connect, zeroInit, ...options } = given;
    if (!Object.hasOwn(PLANS, depth))
      throw new OpError("SewResNet", `depth: expected one of ${Object.keys(PLANS).join(", ")}, got ${depth}`);
    const { block: Block, layers } = PLANS[depth];
    const neurons = neuronMaker({ neuron: "if", ...options });
    const config = {
      neurons,
      firingCurrent: firingCurrent({ neuron: "if", ...options }),
      ...(connect ? { connect } : {}),
      ...(zeroInit ? { zeroInit } : {}),
    };
    const init = kaimingNormalInit("fan_out");
    this.input = new SpikingInput(options);
    this.conv1 = new Conv2d(this.input.channelsOf(channels), 64, 7, { stride: 2, padding: 3, bias: false, init });
    this.bn1 = new BatchNorm2d(64);
    this.sn1 = neurons();
    this.maxpool = new MaxPool2d({ kernel: 3, stride: 2, padding: 1 });
    let from = 64;
    const stage = (planes: number, blocks: number, stride: number) =>
      new Sequential(
        Array.from({ length: blocks }, (_, i) => {
          const block = new Block(from, planes, i === 0 ? stride : 1, config);
          from = planes * Block.expansion;
          return block;
        }),
      );
    this.layer1 = stage(64, layers[0], 1);
    this.layer2 = stage(128, layers[1], 2);
    this.layer3 = stage(256, layers[2], 2);
    this.layer4 = stage(512, layers[3], 2);
    this.fc = new Linear(from, classes);
  }

  forward(x: Tensor): Tensor {
    const { timeSteps } = this.input;
    const spikes = this.input.into(x, this.conv1, this.bn1, this.sn1);
    let y = unfoldTime(this.maxpool.forward(foldTime(spikes)), timeSteps);
    for (const layer of [this.layer1, this.layer2, this.layer3, this.layer4]) y = layer.forward(y);
    return this.fc.forward(mean(y, { axes: [0, 3, 4] }));
  }
}
