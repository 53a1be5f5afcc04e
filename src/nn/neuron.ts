// Layers of spiking neurons, with SpikingJelly's names: x [T, N, *] -> spikes [T, N, *] for T time steps.
import { fill } from "../autograd/index.ts";
import { expectOptions, OpError } from "../gpu/index.ts";
import { batchNormNeuron } from "../ops/batch_norm_neuron.ts";
import { integrateAndFire, lif, membranePotential, plif } from "../ops/lif.ts";
import {
  type FireOptions,
  type NeuronKind,
  type NeuronOptions,
  neuronOptions,
  resolveNeuron,
} from "../ops/spiking/neuron.ts";
import { formatShape, numel, persistent, type Shape, sameShape, type Tensor } from "../tensor/index.ts";
import { constantInit } from "./init.ts";
import { Module } from "./module.ts";
import type { BatchNorm2d } from "./norm.ts";
import { Parameter } from "./parameter.ts";
import { unfoldTime } from "./time.ts";

/** Options of `IFNode`, and of all neurons. */
export interface NodeConfig extends Omit<FireOptions, "state" | "timeSteps"> {
  /** True: the membrane potential carries over to the next call, until `reset`. Default false: every call starts at rest. */
  readonly stateful?: boolean;
}

/** Options of `LIFNode`. */
export interface LIFConfig extends NodeConfig {
  /** Membrane time constant in steps, > 1. Default 2. */
  readonly tau?: number;
  /** True (default): the leak acts on the input too. */
  readonly decayInput?: boolean;
}

/** Event of one forward, for observers. */
export interface SpikeEvent {
  /** [T, N, *]. */
  readonly spikes: Tensor;
  /** [T, N, *], or [N, *] if `constant`: the same input at every step. */
  readonly current: Tensor;
  readonly constant: boolean;
}

const keysOf = (kind: NeuronKind, more: Record<string, true> = {}): Readonly<Record<string, true>> => ({
  ...Object.fromEntries(
    neuronOptions[kind].filter((key) => key !== "state" && key !== "timeSteps").map((key) => [key, true]),
  ),
  stateful: true,
  ...more,
});
const KEYS = { IF: keysOf("IF"), LIF: keysOf("LIF"), PLIF: keysOf("PLIF") } as const;

/**
 * A layer of spiking neurons. `forward` takes the current of every step; `forwardConstant` one current for all steps;
 * `forwardBatchNorm` the output of a convolution, which it normalises first.
 * Throws OpError for an unknown option.
 */
export abstract class SpikingNode extends Module {
  /** Kind of neuron. */
  readonly kind: NeuronKind;
  /** Options that it was made with. */
  readonly config: LIFConfig;
  /** Callback of each forward. If set, batch norm and neurons run as two kernels, so that the current is stored. */
  observer: ((event: SpikeEvent) => void) | null = null;
  /** Potential at the start of the next call, [N, *]; null before the first call. */
  private potentialKept: Tensor | null = null;
  /** True if no call followed the last reset; then the next batch may have another shape. */
  private atRest = true;
  private stateful: boolean;

  constructor(kind: NeuronKind, given: LIFConfig = {}) {
    super();
    expectOptions(`${kind}Node`, given, KEYS[kind]);
    const { stateful = false, ...config } = given;
    resolveNeuron(`${kind}Node`, kind, config);
    this.kind = kind;
    this.config = config;
    this.stateful = stateful;
  }

  /** @internal Logit of a learned leak. */
  protected get leakLogit(): Parameter | null {
    return null;
  }

  /** Membrane potential that carries over to the next call; null if it does not. */
  get v(): Tensor | null {
    return this.potentialKept;
  }

  /** Set the stored membrane potential to rest, in place, so that captured steps read it too. */
  reset(): void {
    if (this.potentialKept) fill(this.potentialKept, this.rest);
    this.atRest = true;
  }

  private get rest(): number {
    return this.config.vReset ?? 0;
  }

  private forget(): void {
    this.potentialKept?.dispose();
    this.potentialKept = null;
    this.atRest = true;
  }

  /** Carry the potential over between calls, or stop doing so and discard it. */
  keepState(on: boolean): void {
    this.stateful = on;
    if (!on) this.forget();
  }

  /** Return the state, which the first call creates at rest; null without one. Throws OpError if the batch shape changes. */
  private state(one: Shape): Tensor | null {
    if (!this.stateful) return null;
    if (this.potentialKept && !sameShape(this.potentialKept.shape, one)) {
      if (!this.atRest) {
        const [kept, given] = [formatShape(this.potentialKept.shape), formatShape(one)];
        const problem = `expected a batch of ${kept}, as its potentials, got ${given}: call reset() first`;
        throw new OpError(this.constructor.name, problem);
      }
      this.forget();
    }
    this.atRest = false;
    this.potentialKept ??= persistent(new Float32Array(numel(one)).fill(this.rest), one);
    return this.potentialKept;
  }

  private run(current: Tensor, options: NeuronOptions): Tensor {
    const { leakLogit } = this;
    if (leakLogit) return plif(current, leakLogit, null, options);
    return this.kind === "IF" ? integrateAndFire(current, null, options) : lif(current, null, options);
  }

  private fire(current: Tensor, timeSteps: number | undefined): Tensor {
    const one = timeSteps === undefined ? current.shape.slice(1) : current.shape;
    const state = current.isMeta ? null : this.state(one);
    const spikes = this.run(current, {
      ...this.config,
      ...(timeSteps === undefined ? {} : { timeSteps }),
      ...(state ? { state } : {}),
    });
    this.observer?.({ spikes, current, constant: timeSteps !== undefined });
    return spikes;
  }

  forward(x: Tensor): Tensor {
    return this.fire(x, undefined);
  }

  /** Apply the same current [N, *] at each of `timeSteps` steps -> [T, N, *]. */
  forwardConstant(x: Tensor, timeSteps: number): Tensor {
    return this.fire(x, timeSteps);
  }

  /**
   * Compute forward(bn(x)) for x [T*N, C, ...] -> [T, N, C, ...], or with `constant` forwardConstant(bn(x)) for x [N, C, ...], in
   * one kernel that does not store the output of batch norm.
   */
  forwardBatchNorm(bn: BatchNorm2d, x: Tensor, timeSteps: number, { constant = false } = {}): Tensor {
    // On shapes alone run both layers, so that a summary shows them.
    if (this.observer || this.stateful || x.isMeta || bn.folded) {
      const current = bn.forward(x);
      return constant ? this.fire(current, timeSteps) : this.fire(unfoldTime(current, timeSteps), undefined);
    }
    const { weight, bias, running_mean, running_var } = bn;
    const { keep: _, ...config } = this.config;
    return batchNormNeuron(x, weight, bias, running_mean, running_var, this.leakLogit, {
      ...config,
      neuron: this.kind,
      timeSteps,
      constant,
      ...bn.use(),
    });
  }

  /** Compute the potential at every step [T, N, *] for a current from rest: before firing (h) or after the reset (v). */
  potential(current: Tensor, of: "h" | "v"): Tensor {
    return membranePotential(current, this.leakLogit, null, { ...this.config, neuron: this.kind, of });
  }

  /** Free the stored membrane potential, and the parameters. */
  override dispose(): void {
    this.forget();
    super.dispose();
  }
}

/** Integrate-and-fire neurons, without leak. */
export class IFNode extends SpikingNode {
  constructor(config: NodeConfig = {}) {
    super("IF", config);
  }
}

/**
 * Leaky integrate-and-fire neurons with a fixed time constant.
 *
 * Shapes    current [T, N, *] -> spikes [T, N, *] of 0 and 1.
 * Errors    OpError for an unknown option, or tau <= 1.
 * @example
 * const neurons = new LIFNode({ tau: 2 });
 * const current = tensor([[1.5], [1.5], [1.5]]); // three steps of one neuron
 * console.log(await neurons.forward(current).data()); // 0, 1, 0
 */
export class LIFNode extends SpikingNode {
  constructor(config: LIFConfig = {}) {
    super("LIF", config);
  }
}

/**
 * LIF neurons with a learned time constant per layer: 1 / tau = sigmoid(w). Throws OpError for an unknown option, or initTau
 * <= 1.
 */
export class ParametricLIFNode extends SpikingNode {
  readonly w: Parameter;

  /** `initTau` > 1: initial time constant. Default 2. */
  constructor({ initTau = 2, ...config }: Omit<LIFConfig, "tau"> & { readonly initTau?: number } = {}) {
    super("PLIF", config);
    if (!(initTau > 1 && Number.isFinite(initTau)))
      throw new OpError("ParametricLIFNode", `initTau: expected a number > 1, got ${initTau}`);
    this.w = new Parameter([], constantInit(-Math.log(initTau - 1)));
  }

  /** @internal */
  protected override get leakLogit(): Parameter {
    return this.w;
  }
}

/** Reset every spiking layer of a model, so that the next call starts at rest. */
export function resetNet(model: Module): void {
  for (const [, m] of model.namedModules()) if (m instanceof SpikingNode) m.reset();
}
