// SEW ResNets for ImageNet (Fang et al. 2021), with the authors' names in the state_dict.
import { expectOptions, OpError } from "../../gpu/index.ts";
import * as nn from "../../nn/index.ts";
import { mean } from "../../ops/sum.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { KeysOf } from "../../text/index.ts";
import { resNetStages } from "../resnet_block.ts";
import { SpikingInput, type SpikingOptions } from "./input.ts";
import { SEW_KEYS, SewBasicBlock, SewBottleneck, type SewOptions, sewConfig } from "./sew_block.ts";

const PLANS = {
  18: { block: SewBasicBlock, layers: [2, 2, 2, 2] },
  34: { block: SewBasicBlock, layers: [3, 4, 6, 3] },
  50: { block: SewBottleneck, layers: [3, 4, 6, 3] },
  101: { block: SewBottleneck, layers: [3, 4, 23, 3] },
  152: { block: SewBottleneck, layers: [3, 8, 36, 3] },
} as const;

/** Number of layers with weights. */
export type SewDepth = 18 | 34 | 50 | 101 | 152;

/** Options of `SewResNet`. */
export interface SewResNetConfig extends SpikingOptions, SewOptions {
  readonly depth?: SewDepth;
  readonly channels?: number;
  readonly classes?: number;
}

/**
 * conv 7x7/2 - BN - neurons - max pool 3x3/2 - four stages of SEW blocks of 64, 128, 256, 512 planes - mean over space and
 * time - fc. IF neurons, ATan, detached hard reset and ADD by default, as published. SEW ResNet-18 with 1000 classes has
 * 11,689,512 parameters. x [N, C, H, W], of 224 x 224 pixels in the paper.
 * Throws OpError for an unknown option or depth.
 */
export class SewResNet extends nn.Module {
  readonly input: SpikingInput;
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly sn1: nn.SpikingNode;
  readonly maxpool: nn.MaxPool2d;
  readonly layer1: nn.Sequential;
  readonly layer2: nn.Sequential;
  readonly layer3: nn.Sequential;
  readonly layer4: nn.Sequential;
  readonly fc: nn.Linear;

  constructor(given: SewResNetConfig = {}) {
    super();
    const known: KeysOf<SewResNetConfig> = { ...SEW_KEYS, depth: true };
    expectOptions("SewResNet", given, known);
    const { depth = 18, channels = 3, classes = 1000, connect, zeroInit, ...options } = given;
    if (!Object.hasOwn(PLANS, depth))
      throw new OpError("SewResNet", `depth: expected one of ${Object.keys(PLANS).join(", ")}, got ${depth}`);
    const { block: Block, layers } = PLANS[depth];
    const config = sewConfig({ neuron: "if", ...options }, given);
    const init = nn.kaimingNormalInit("fan_out");
    this.input = new SpikingInput(options);
    this.conv1 = new nn.Conv2d(this.input.channelsOf(channels), 64, 7, { stride: 2, padding: 3, bias: false, init });
    this.bn1 = new nn.BatchNorm2d(64);
    this.sn1 = config.neurons();
    this.maxpool = new nn.MaxPool2d({ kernel: 3, stride: 2, padding: 1 });
    const make = (from: number, planes: number, stride: number) => new Block(from, planes, stride, config);
    [this.layer1, this.layer2, this.layer3, this.layer4] = resNetStages(layers, Block.expansion, make);
    this.fc = new nn.Linear(512 * Block.expansion, classes);
  }

  forward(x: Tensor): Tensor {
    const { timeSteps } = this.input;
    const spikes = this.input.into(x, this.conv1, this.bn1, this.sn1);
    let y = nn.unfoldTime(this.maxpool.forward(nn.foldTime(spikes)), timeSteps);
    for (const layer of [this.layer1, this.layer2, this.layer3, this.layer4]) y = layer.forward(y);
    return this.fc.forward(mean(y, { axes: [0, 3, 4] }));
  }
}
