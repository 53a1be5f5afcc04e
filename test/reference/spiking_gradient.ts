// Gradients through time of neurons that fire the step function, in float64: with the surrogate's derivative.
import { type ReferenceNeuron, type WalkInputs, walkNeurons } from "./spiking.ts";

interface GradientNeuron extends ReferenceNeuron {
  readonly detachReset?: boolean;
  /** Replaces the derivative of the step, for u = H - threshold. */
  readonly derivative: (u: number) => number;
}

interface TimeGradients {
  readonly x: Float64Array;
  readonly v0: Float64Array;
  /** Gradient of the leak's logit. */
  readonly w: number;
}

/** Gradients of sum(dy · spikes) in x [T, n], v0 [n] and w. */
export function gradientsThroughTime(
  neuron: GradientNeuron,
  timeSteps: number,
  { x, v0, w }: WalkInputs,
  dy: ArrayLike<number>,
): TimeGradients {
  const { kind, decayInput = true, tau = 2, vThreshold = 1, vReset = 0, detachReset = false, derivative } = neuron;
  const { spike, h, v } = walkNeurons(neuron, timeSteps, { x, v0, w });
  const n = x.length / timeSteps;
  const rest = vReset ?? 0;
  const learned = 1 / (1 + Math.exp(-(w?.[0] ?? 0)));
  const k = kind === "PLIF" ? learned : 1 / tau;
  const gx = new Float64Array(x.length);
  const gv = new Float64Array(n);
  let gk = 0;
  for (let e = x.length - 1; e >= 0; e--) {
    const before = e >= n ? v[e - n]! : (v0?.[e] ?? rest);
    const [s, potential, up] = [spike[e]!, h[e]!, dy[e]!];
    const slope = derivative(potential - vThreshold);
    const jump = vReset === null ? -vThreshold : vReset - potential;
    const through = (vReset === null ? 1 : 1 - s) + (detachReset ? 0 : jump * slope);
    const gh = up * slope + gv[e % n]! * through;
    gx[e] = kind !== "IF" && decayInput ? gh * k : gh;
    gv[e % n] = kind === "IF" ? gh : gh * (1 - k);
    gk += gh * (decayInput ? x[e]! - (before - rest) : rest - before);
  }
  return { x: gx, v0: gv, w: gk * learned * (1 - learned) };
}
