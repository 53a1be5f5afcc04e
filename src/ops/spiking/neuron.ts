// A spiking neuron: its public options, and its parameters in the kernels.
import { expectScalar } from "../../autograd/index.ts";
import { OpError } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { type ResolvedSurrogate, resolveSurrogate, type Surrogate, type SurrogateName } from "./surrogate.ts";

/** IF: no leak. LIF: leak 1 / tau. PLIF: leak sigmoid(w), learned. */
export type NeuronKind = "IF" | "LIF" | "PLIF";

/** Options of all neurons: threshold, reset and surrogate gradient. */
export interface FireOptions {
  /** Potential at which a neuron fires; it also fires exactly at it. Default 1. */
  readonly vThreshold?: number;
  /** Potential after a spike, and the resting value. null: soft reset, the threshold is subtracted. Default 0. */
  readonly vReset?: number | null;
  /** Backward treats the spike in the reset as a constant. Default false. */
  readonly detachReset?: boolean;
  /** Replaces the derivative of the step. Default sigmoid with alpha 4. */
  readonly surrogate?: SurrogateName | Surrogate;
  /** Fire the surrogate's primitive instead of the step: differentiable, for gradient checks. Default false. */
  readonly smooth?: boolean;
  /** Number of steps for x [N, *] without time, the same input at each. Default: x is [T, N, *]. */
  readonly timeSteps?: number;
  /** Shape [N, *]: the initial potential, overwritten by the last one. No gradient flows through it. Instead of v0. */
  readonly state?: Tensor;
  /** Value saved for backward: the input, and backward repeats the steps; or the potentials. Default input. */
  readonly keep?: "input" | "potential";
}

/** Leak of a neuron. */
export interface LeakOptions {
  /** True if the leak acts on the input too: H = V + (X - (V - rest)) / tau. Default true. */
  readonly decayInput?: boolean;
}

/** Time constant of a leaky neuron. */
export interface TauOptions {
  /** Membrane time constant in steps, > 1. Default 2. */
  readonly tau?: number;
}

/** Options of `lif`. */
export type NeuronOptions = FireOptions & LeakOptions & TauOptions;

const FIRE = ["vThreshold", "vReset", "detachReset", "surrogate", "smooth", "timeSteps", "state", "keep"] as const;

/** The options of each kind: IF has no leak and no tau; PLIF learns its tau. */
export const neuronOptions: Readonly<Record<NeuronKind, readonly (keyof NeuronOptions)[]>> = {
  IF: FIRE,
  LIF: [...FIRE, "decayInput", "tau"],
  PLIF: [...FIRE, "decayInput"],
};

/** A neuron in the form of shaders/lib/lif.wgsl. */
export interface Neuron {
  readonly learned: boolean;
  readonly detach: boolean;
  readonly smooth: boolean;
  readonly surrogate: ResolvedSurrogate["spec"];
  readonly params: Readonly<
    Record<"decay_input" | "threshold" | "rest" | "start" | "keep" | "to" | "k" | "alpha" | "slope", number>
  >;
}

function expectFinite(op: string, name: string, value: number): void {
  if (!Number.isFinite(value)) throw new OpError(op, `${name}: expected a number, got ${value}`);
}

/** Throw OpError unless the number of steps is an integer >= 1. */
export function expectTimeSteps(op: string, timeSteps: number): void {
  if (!Number.isInteger(timeSteps) || timeSteps < 1)
    throw new OpError(op, `timeSteps: expected an integer >= 1, got ${timeSteps}`);
}

/** Throw OpError unless w, the logit of the leak, is present for PLIF only, with one element. */
export function expectLeakLogit(op: string, kind: NeuronKind, w: Tensor | null): void {
  if (kind === "PLIF" && !w) throw new OpError(op, "PLIF: expected w, the logit of its leak");
  if (kind !== "PLIF" && w) throw new OpError(op, `${kind}: expected no w, since its leak is not learned`);
  if (w) expectScalar(op, { w });
}

/** Check the options of a neuron and fill in the defaults. Throws OpError. */
export function resolveNeuron(op: string, kind: NeuronKind, options: NeuronOptions): Neuron {
  const { vThreshold = 1, vReset = 0, detachReset = false, smooth = false, decayInput = true, tau = 2, keep } = options;
  if (kind !== "IF" && kind !== "LIF" && kind !== "PLIF")
    throw new OpError(op, `neuron: expected IF, LIF or PLIF, got ${kind}`);
  expectFinite(op, "vThreshold", vThreshold);
  if (vReset !== null) expectFinite(op, "vReset", vReset);
  if (vReset !== null && vReset >= vThreshold)
    throw new OpError(op, `vReset: expected less than vThreshold = ${vThreshold}, got ${vReset}`);
  if (kind === "LIF" && !(tau > 1 && Number.isFinite(tau)))
    throw new OpError(op, `tau: expected a number > 1, got ${tau}`);
  if (keep !== undefined && keep !== "input" && keep !== "potential")
    throw new OpError(op, `keep: expected input or potential, got ${keep}`);
  const surrogate = resolveSurrogate(op, options.surrogate);
  const rest = vReset ?? 0;
  const soft = vReset === null;
  return {
    learned: kind === "PLIF",
    detach: detachReset,
    smooth,
    surrogate: surrogate.spec,
    params: {
      // Without a leak the whole input counts.
      decay_input: kind !== "IF" && decayInput ? 1 : 0,
      threshold: vThreshold,
      rest,
      start: rest,
      keep: soft ? 1 : 0,
      to: soft ? -vThreshold : rest,
      k: kind === "IF" ? 0 : 1 / tau,
      alpha: surrogate.alpha,
      slope: surrogate.leak,
    },
  };
}
