// How images and events become what a spiking network sees at each step, and which neurons it is made of.
import { expectOptions, OpError } from "../../gpu/index.ts";
import {
  type BatchNorm2d,
  type Conv2d,
  foldTime,
  IFNode,
  LatencyEncoder,
  LIFNode,
  Module,
  ParametricLIFNode,
  PoissonEncoder,
  type RandomState,
  type SpikingNode,
  WeightedPhaseEncoder,
} from "../../nn/index.ts";
import { expectTimeSteps, type NeuronKind } from "../../ops/spiking/neuron.ts";
import type { Surrogate, SurrogateName } from "../../ops/spiking/surrogate.ts";
import { timeMajor } from "../../ops/time_major.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { KeysOf } from "../../text/index.ts";

/** direct: the image at every step, as a current. The others make spikes of pixels in 0..1. */
export const ENCODERS = ["direct", "poisson", "latency", "phase"] as const;
export type EncoderName = (typeof ENCODERS)[number];

export const NEURONS = ["if", "lif", "plif"] as const;
export type NeuronName = (typeof NEURONS)[number];

export interface SpikingOptions {
  /** T, the steps of the simulation. Default 4. Of event frames the data says it. */
  readonly timeSteps?: number;
  /** Whether a sample is T event frames, [T·C, H, W], rather than an image. Default false. */
  readonly frames?: boolean;
  /** Default lif. */
  readonly neuron?: NeuronName;
  /** Time constant of lif, the first one of plif. Default 2. */
  readonly tau?: number;
  /** Whether the leak acts on the input too. Default true. */
  readonly decayInput?: boolean;
  readonly vThreshold?: number;
  /** null: soft reset. Default 0. */
  readonly vReset?: number | null;
  /** Default true. */
  readonly detachReset?: boolean;
  /** Default atan, alpha 2. */
  readonly surrogate?: SurrogateName | Surrogate;
  /** Images only. Default direct. */
  readonly encoder?: EncoderName;
  /** Where Poisson's random numbers come from; wanted with encoder poisson. */
  readonly random?: RandomState;
}

export const SPIKING_KEYS: KeysOf<SpikingOptions> = {
  ...{ timeSteps: true, frames: true, neuron: true, tau: true, decayInput: true, vThreshold: true },
  ...{ vReset: true, detachReset: true, surrogate: true, encoder: true, random: true },
};

export const DEFAULT_STEPS = 4;

/** Makes the neurons of a network, all alike. */
export function neuronMaker(options: SpikingOptions): () => SpikingNode {
  const { neuron = "lif", tau = 2, decayInput = true } = options;
  const { vThreshold = 1, vReset = 0, detachReset = true, surrogate = "atan" } = options;
  const config = { vThreshold, vReset, detachReset, surrogate };
  const kind = { if: "IF", lif: "LIF", plif: "PLIF" }[neuron] as NeuronKind | undefined;
  if (kind === "IF") return () => new IFNode(config);
  if (kind === "LIF") return () => new LIFNode({ ...config, tau, decayInput });
  if (kind === "PLIF") return () => new ParametricLIFNode({ ...config, initTau: tau, decayInput });
  throw new OpError("neuronMaker", `neuron wants ${NEURONS.join(", ")}, was given ${neuron}`);
}

/** The constant current under which a neuron at rest at 0 fires at every step. */
export function firingCurrent({ neuron = "lif", tau = 2, decayInput = true, vThreshold = 1 }: SpikingOptions): number {
  return neuron !== "if" && decayInput ? vThreshold * tau : vThreshold;
}

function encoderFor(name: EncoderName, timeSteps: number, random: RandomState | undefined): Module | null {
  if (name === "direct") return null;
  if (name === "latency") return new LatencyEncoder({ timeSteps });
  if (name === "phase") return new WeightedPhaseEncoder({ timeSteps });
  if (name !== "poisson") throw new OpError("encoder", `wants ${ENCODERS.join(", ")}, was given ${name}`);
  if (!random) throw new OpError("encoder", "poisson wants a RandomState to draw from");
  return new PoissonEncoder({ timeSteps }, random);
}

/** The first layer of a spiking network, from a batch of samples to spikes. It has no parameters of its own. */
export class SpikingInput extends Module {
  readonly timeSteps: number;
  private readonly frames: boolean;
  private readonly encoder: Module | null;

  /** `channels` of a sample: of one image, or of all event frames together. */
  constructor(options: SpikingOptions) {
    super();
    expectOptions("SpikingInput", options, SPIKING_KEYS);
    const { timeSteps = DEFAULT_STEPS, frames = false, encoder = "direct", random } = options;
    expectTimeSteps("SpikingInput", timeSteps);
    if (frames && encoder !== "direct")
      throw new OpError("SpikingInput", `event frames are spikes already: encoder wants direct, was given ${encoder}`);
    this.timeSteps = timeSteps;
    this.frames = frames;
    this.encoder = encoderFor(encoder, timeSteps, random);
  }

  /** Channels of one step, of samples of so many channels. */
  channelsOf(channels: number): number {
    if (!this.frames) return channels;
    if (channels % this.timeSteps !== 0)
      throw new OpError(
        "SpikingInput",
        `wants ${this.timeSteps} frames as channels, polarities times frames; was given samples of ${channels} channels`,
      );
    return channels / this.timeSteps;
  }

  /** x [N, C, H, W], or of event frames [N, T·C, H, W] -> [T, N, C, H, W]; null for an image that stays the same. */
  private sequence(x: Tensor): Tensor | null {
    if (this.frames) return timeMajor(x, { timeSteps: this.timeSteps });
    return this.encoder ? this.encoder.forward(x) : null;
  }

  /** [T, N, C, H, W] in every case. */
  forward(x: Tensor): Tensor {
    const sequence = this.sequence(x);
    if (!sequence) throw new OpError("SpikingInput", "a constant image has no sequence: use `into`");
    return sequence;
  }

  /**
   * neurons(bn(conv(x))) -> [T, N, ...]. Of a constant image, convolution and batch norm run once and not T times: the same
   * current at every step, and the same gradient.
   */
  into(x: Tensor, conv: Conv2d, bn: BatchNorm2d, neurons: SpikingNode): Tensor {
    const sequence = this.sequence(x);
    if (sequence) return neurons.forwardBatchNorm(bn, conv.forward(foldTime(sequence)), this.timeSteps);
    return neurons.forwardBatchNorm(bn, conv.forward(x), this.timeSteps, { constant: true });
  }
}
