// Surrogate gradients: what stands in for the derivative of the step function when a spiking neuron is trained. The shader
// twin is shaders/lib/surrogate.wgsl; these float64 functions serve checks and plots.
import { expectOptions, OpError } from "../../gpu/index.ts";

/** Sharpness alpha for all but the leaky ramp, which has a half width and a slope outside. */
export type Surrogate =
  | { readonly name: Exclude<SurrogateName, "piecewise_leaky_relu">; readonly alpha?: number }
  | { readonly name: "piecewise_leaky_relu"; readonly width?: number; readonly leak?: number };

interface Entry {
  /** Default alpha; of the leaky ramp, half its width. */
  readonly alpha: number;
  /** d primitive / du. */
  readonly derivative: (u: number, alpha: number, leak: number) => number;
  readonly primitive: (u: number, alpha: number, leak: number) => number;
}

const sigmoid = (x: number) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));

/** Error function to about 1e-15: its series near 0, a continued fraction beyond. */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a < 2.5) {
    let term = a;
    let sum = a;
    for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
      term *= (-a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * (a + fraction)));
}

const clamp = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high);

/**
 * Every surrogate, in the order of the shader's cases. u = H - threshold.
 *
 * Source    ATan: Fang et al. 2021 (PLIF). Sigmoid, rectangle, triangle: Wu et al. 2018, Neftci et al. 2019; triangle:
 *           Bellec et al. 2018. SuperSpike: Zenke & Ganguli 2018, whose derivative is that of a fast sigmoid, twice as high.
 */
const TABLE = {
  atan: {
    alpha: 2,
    derivative: (u, a) => a / 2 / (1 + ((Math.PI / 2) * a * u) ** 2),
    primitive: (u, a) => Math.atan((Math.PI / 2) * a * u) / Math.PI + 0.5,
  },
  sigmoid: {
    alpha: 4,
    derivative: (u, a) => a * sigmoid(a * u) * sigmoid(-a * u),
    primitive: (u, a) => sigmoid(a * u),
  },
  piecewise_quadratic: {
    alpha: 1,
    derivative: (u, a) => Math.max(a - a * a * Math.abs(u), 0),
    primitive: (u, a) => {
      if (Math.abs(u) > 1 / a) return u > 0 ? 1 : 0;
      return a * u - ((a * a) / 2) * u * Math.abs(u) + 0.5;
    },
  },
  rect: {
    alpha: 1,
    derivative: (u, a) => (Math.abs(u) < 0.5 / a ? a : 0),
    primitive: (u, a) => clamp(a * u + 0.5, 0, 1),
  },
  piecewise_exp: {
    alpha: 1,
    derivative: (u, a) => (a / 2) * Math.exp(-a * Math.abs(u)),
    primitive: (u, a) => (u < 0 ? Math.exp(a * u) / 2 : 1 - Math.exp(-a * u) / 2),
  },
  soft_sign: {
    alpha: 2,
    derivative: (u, a) => a / 2 / (1 + a * Math.abs(u)) ** 2,
    primitive: (u, a) => (a * u) / (1 + a * Math.abs(u)) / 2 + 0.5,
  },
  erf: {
    alpha: 2,
    derivative: (u, a) => (a / Math.sqrt(Math.PI)) * Math.exp(-((a * u) ** 2)),
    primitive: (u, a) => (1 + erf(a * u)) / 2,
  },
  piecewise_leaky_relu: {
    alpha: 1,
    derivative: (u, a, leak) => (Math.abs(u) < a ? 0.5 / a : leak),
    primitive: (u, a, leak) => {
      const edge = clamp(u, -a, a);
      return edge / (2 * a) + leak * (u - edge) + 0.5;
    },
  },
  super_spike: {
    alpha: 1,
    derivative: (u, a) => a / (1 + Math.abs(u)) ** 2,
    primitive: (u, a) => (a * u) / (1 + Math.abs(u)) + 0.5,
  },
} as const satisfies Record<string, Entry>;

export type SurrogateName = keyof typeof TABLE;

/** Names of the surrogates, in the order of the shader's cases. */
export const SURROGATES = Object.keys(TABLE) as readonly SurrogateName[];

const KEYS = { name: true, alpha: true } as const;
const LEAKY_KEYS = { name: true, width: true, leak: true } as const;
const DEFAULT_LEAK = 0.01;

/** A surrogate with its numbers filled in. */
export interface ResolvedSurrogate {
  readonly name: SurrogateName;
  /** Its number in the shader. */
  readonly code: number;
  readonly alpha: number;
  readonly leak: number;
  /** d primitive / du at u = H - threshold, in float64. */
  readonly derivative: (u: number) => number;
  readonly primitive: (u: number) => number;
}

/** Fills in the defaults. Throws OpError for an unknown name, or an alpha, width or leak that makes no derivative. */
export function resolveSurrogate(op: string, surrogate: SurrogateName | Surrogate = "sigmoid"): ResolvedSurrogate {
  const given: Surrogate = typeof surrogate === "string" ? { name: surrogate } : surrogate;
  const { name } = given;
  const code = SURROGATES.indexOf(name);
  if (code < 0) throw new OpError(op, `surrogate wants one of ${SURROGATES.join(", ")}, was given ${name}`);
  const entry: Entry = TABLE[name];
  const leaky = given.name === "piecewise_leaky_relu" ? given : null;
  expectOptions(`${op}: surrogate ${name}`, given, leaky ? LEAKY_KEYS : KEYS);
  const alpha = (leaky ? leaky.width : (given as { alpha?: number }).alpha) ?? entry.alpha;
  const leak = leaky?.leak ?? DEFAULT_LEAK;
  if (!(alpha > 0 && Number.isFinite(alpha)))
    throw new OpError(op, `surrogate ${name} wants ${leaky ? "a width" : "an alpha"} > 0, was given ${alpha}`);
  if (!(leak >= 0 && Number.isFinite(leak)))
    throw new OpError(op, `surrogate ${name} wants a leak >= 0, was given ${leak}`);
  return {
    name,
    code,
    alpha,
    leak,
    derivative: (u) => entry.derivative(u, alpha, leak),
    primitive: (u) => entry.primitive(u, alpha, leak),
  };
}
