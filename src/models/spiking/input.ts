// Input of a spiking network (images or event frames to currents or spikes per step), and its neurons.
import { expectOptions, OpError } from "../../gpu/index.ts";
import * as nn from "../../nn/index.ts";
import { expectTimeSteps, type NeuronKind } from "../../ops/spiking/neuron.ts";
import type { Surrogate, SurrogateName } from "../../ops/spiking/surrogate.ts";
import { timeMajor } from "../../ops/time_major.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { KeysOf } from "../../text/index.ts";

/** direct: the image at every step, as a current. The others encode pixels in 0..1 as spikes. */
export const ENCODERS = ["direct", "poisson", "latency", "phase"] as const;
/** Name of an encoder; see ENCODERS. */
export type EncoderName = (typeof ENCODERS)[number];

/** Names of the neuron models. */
export const NEURONS = ["if", "lif", "plif"] as const;
/** Name of a neuron model; see NEURONS. */
export type NeuronName = (typeof NEURONS)[number];

/** Options of all spiking networks. */
export interface SpikingOptions {
  /** Time steps T. Default 4; event frames have their own number. */
  readonly timeSteps?: number;
  /** True: a sample is T event frames, [T·C, H, W]. Default false: an image. */
  readonly frames?: boolean;
  /** Neuron model. Default lif. */
  readonly neuron?: NeuronName;
  /** Time constant of lif, initial one of plif. Default 2. */
  readonly tau?: number;
  /** True (default): the leak acts on the input too. */
  readonly decayInput?: boolean;
  readonly vThreshold?: number;
  /** Reset potential; null: soft reset. Default 0. */
  readonly vReset?: number | null;
  /** True (default): no gradient through the reset. */
  readonly detachReset?: boolean;
  /** Surrogate gradient. Default atan, alpha 2. */
  readonly surrogate?: SurrogateName | Surrogate;
  /** Encoder of images. Default direct. */
  readonly encoder?: EncoderName;
  /** Random state of encoder poisson, which requires it. */
  readonly random?: nn.RandomState;
}

export const SPIKING_KEYS: KeysOf<SpikingOptions> = {
  ...{ timeSteps: true, frames: true, neuron: true, tau: true, decayInput: true, vThreshold: true },
  ...{ vReset: true, detachReset: true, surrogate: true, encoder: true, random: true },
};

const DEFAULT_STEPS = 4;

/** Return a maker of equal neurons for a network. */
export function neuronMaker(options: SpikingOptions): () => nn.SpikingNode {
  const { neuron = "lif", tau = 2, decayInput = true } = options;
  const { vThreshold = 1, vReset = 0, detachReset = true, surrogate = "atan" } = options;
  const config = { vThreshold, vReset, detachReset, surrogate };
  const kind = { if: "IF", lif: "LIF", plif: "PLIF" }[neuron] as NeuronKind | undefined;
  if (kind === "IF") return () => new nn.IFNode(config);
  if (kind === "LIF") return () => new nn.LIFNode({ ...config, tau, decayInput });
  if (kind === "PLIF") return () => new nn.ParametricLIFNode({ ...config, initTau: tau, decayInput });
  throw new OpError("neuronMaker", `neuron: expected one of ${NEURONS.join(", ")}, got ${neuron}`);
}

/** Compute the constant current at which a neuron at rest at 0 fires at every step. */
export function firingCurrent({ neuron = "lif", tau = 2, decayInput = true, vThreshold = 1 }: SpikingOptions): number {
  return neuron !== "if" && decayInput ? vThreshold * tau : vThreshold;
}

function encoderFor(name: EncoderName, timeSteps: number, random: nn.RandomState | undefined): nn.Module | null {
  if (name === "direct") return null;
  if (name === "latency") return new nn.LatencyEncoder({ timeSteps });
  if (name === "phase") return new nn.WeightedPhaseEncoder({ timeSteps });
  if (name !== "poisson") throw new OpError("encoder", `expected one of ${ENCODERS.join(", ")}, got ${name}`);
  if (!random) throw new OpError("encoder", "random: expected a RandomState for encoder poisson, got none");
  return new nn.PoissonEncoder({ timeSteps }, random);
}

/**
 * The first layer of a spiking network, from a batch of samples to spikes. It has no parameters. Throws OpError for an
 * unknown option.
 */
export class SpikingInput extends nn.Module {
  /** Time steps T. */
  readonly timeSteps: number;
  private readonly frames: boolean;
  private readonly encoder: nn.Module | null;

  constructor(options: SpikingOptions) {
    super();
    expectOptions("SpikingInput", options, SPIKING_KEYS);
    const { timeSteps = DEFAULT_STEPS, frames = false, encoder = "direct", random } = options;
    expectTimeSteps("SpikingInput", timeSteps);
    if (frames && encoder !== "direct") {
      const problem = `encoder: expected direct for event frames, which are spikes already, got ${encoder}`;
      throw new OpError("SpikingInput", problem);
    }
    this.timeSteps = timeSteps;
    this.frames = frames;
    this.encoder = encoderFor(encoder, timeSteps, random);
  }

  /** Return the channels of one step. `channels` are those of a sample: of an image, or of all event frames together. */
  channelsOf(channels: number): number {
    if (!this.frames) return channels;
    if (channels % this.timeSteps !== 0) {
      const problem = `expected a multiple of ${this.timeSteps} channels, polarities times frames, got ${channels}`;
      throw new OpError("SpikingInput", problem);
    }
    return channels / this.timeSteps;
  }

  /** x [N, C, H, W], or of event frames [N, T·C, H, W] -> [T, N, C, H, W]; null for a constant image. */
  private sequence(x: Tensor): Tensor | null {
    if (this.frames) return timeMajor(x, { timeSteps: this.timeSteps });
    return this.encoder ? this.encoder.forward(x) : null;
  }

  /** Return [T, N, C, H, W]. */
  forward(x: Tensor): Tensor {
    const sequence = this.sequence(x);
    if (!sequence) throw new OpError("SpikingInput", "expected a sequence, got a constant image: use `into`");
    return sequence;
  }

  /**
   * Compute neurons(bn(conv(x))) -> [T, N, ...]. For a constant image convolution and batch norm run once instead of T times, with
   * the same currents and gradients.
   */
  into(x: Tensor, conv: nn.Conv2d, bn: nn.BatchNorm2d, neurons: nn.SpikingNode): Tensor {
    const sequence = this.sequence(x);
    if (sequence) return neurons.forwardBatchNorm(bn, conv.forward(nn.foldTime(sequence)), this.timeSteps);
    return neurons.forwardBatchNorm(bn, conv.forward(x), this.timeSteps, { constant: true });
  }
}
