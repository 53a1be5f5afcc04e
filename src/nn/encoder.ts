// Encoders as layers, first in a spiking network: images [N, *] become [T, N, *].

import { expectOptions } from "../gpu/index.ts";
import {
  type EncodeOptions,
  encodeDirect,
  encodeLatency,
  encodePoisson,
  encodeWeightedPhase,
  type LatencyFunction,
} from "../ops/encode.ts";
import { metaTensor, type Tensor } from "../tensor/index.ts";
import { Module } from "./module.ts";
import { OpLayer } from "./op_layer.ts";
import type { RandomState } from "./random_state.ts";

/** Options of `encodeLatency`. */
export type LatencyOptions = EncodeOptions & { function?: LatencyFunction };

/** Repeats x at every step. The only encoder with a gradient. */
export class DirectEncoder extends OpLayer<EncodeOptions> {
  constructor(options: EncodeOptions) {
    super(encodeDirect, options);
    encodeDirect(metaTensor([1]), options);
  }
}

/**
 * Encodes x in 0..1 as the rate of random spikes, in training and in evaluation.
 *
 * The spikes depend on the seed, on this encoder and on the random state's step. Training moves the step; so does evaluation with
 * the state (`Evaluator`, `Session`), by the number of the batch. In a custom loop the step moves automatically in training; in
 * evaluation call `random.setStep`.
 * Throws OpError for an unknown option.
 */
export class PoissonEncoder extends Module {
  /** Options that it was made with. */
  readonly options: EncodeOptions;
  private readonly random: RandomState;
  private readonly stream: number;

  constructor(options: EncodeOptions, random: RandomState) {
    super();
    expectOptions("PoissonEncoder", options, { timeSteps: true });
    encodePoisson(metaTensor([1]), { ...options, seed: 0, stream: 0, step: metaTensor([], "u32") });
    this.options = options;
    this.random = random;
    this.stream = random.nextStream();
  }

  forward(x: Tensor): Tensor {
    const { seed } = this.random;
    const step = x.isMeta ? metaTensor([], "u32") : this.random.step;
    const y = encodePoisson(x, { ...this.options, seed, stream: this.stream, step });
    if (this.training && !x.isMeta) this.random.drawn({ alone: false });
    return y;
  }
}

/** Encodes x in 0..1 as the time of one spike: larger values spike earlier. */
export class LatencyEncoder extends OpLayer<LatencyOptions> {
  constructor(options: LatencyOptions) {
    super(encodeLatency, options);
    encodeLatency(metaTensor([1]), options);
  }
}

/** Encodes x in 0..1 - 2^-T as its first T binary digits, most significant first. */
export class WeightedPhaseEncoder extends OpLayer<EncodeOptions> {
  constructor(options: EncodeOptions) {
    super(encodeWeightedPhase, options);
    encodeWeightedPhase(metaTensor([1]), options);
  }
}
