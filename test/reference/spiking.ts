// Spiking neurons step by step in float64, straight from the recurrences.

export interface ReferenceNeuron {
  readonly kind: "IF" | "LIF" | "PLIF";
  readonly decayInput?: boolean;
  /** LIF. Default 2. */
  readonly tau?: number;
  readonly vThreshold?: number;
  /** null: soft reset. */
  readonly vReset?: number | null;
  /** Spike of u = H - threshold. Default: the step function. */
  readonly fire?: (u: number) => number;
}

export interface Walk {
  /** [T, n] each: spikes, potentials before firing and after the reset. */
  readonly spike: Float64Array;
  readonly h: Float64Array;
  readonly v: Float64Array;
}

export interface WalkInputs {
  /** [T, n]. */
  readonly x: ArrayLike<number>;
  /** [n]. Absent: at rest. */
  readonly v0?: ArrayLike<number> | undefined;
  /** PLIF: one number. */
  readonly w?: ArrayLike<number> | undefined;
}

/**
 * Walks n neurons through time. `inReset` [T, n] are the spikes that the reset sees, if those are constants
 * (detached) while everything else moves; absent: the walk's own.
 */
export function walkNeurons(
  { kind, decayInput = true, tau = 2, vThreshold = 1, vReset = 0, fire = (u) => (u >= 0 ? 1 : 0) }: ReferenceNeuron,
  timeSteps: number,
  { x, v0, w }: WalkInputs,
  inReset?: ArrayLike<number>,
): Walk {
  const n = x.length / timeSteps;
  const rest = vReset ?? 0;
  const k = kind === "PLIF" ? 1 / (1 + Math.exp(-(w?.[0] as number))) : 1 / tau;
  const potential = Float64Array.from({ length: n }, (_, i) => v0?.[i] ?? rest);
  const out: Walk = {
    spike: new Float64Array(x.length),
    h: new Float64Array(x.length),
    v: new Float64Array(x.length),
  };
  for (let e = 0; e < x.length; e++) {
    const current = x[e]!;
    const before = potential[e % n]!;
    let h = before + current;
    if (kind !== "IF") {
      h = decayInput ? before + k * (current - (before - rest)) : before - k * (before - rest) + current;
    }
    const s = fire(h - vThreshold);
    const seen = inReset?.[e] ?? s;
    const after = vReset === null ? h - vThreshold * seen : (1 - seen) * h + seen * vReset;
    out.spike[e] = s;
    out.h[e] = h;
    out.v[e] = after;
    potential[e % n] = after;
  }
  return out;
}
