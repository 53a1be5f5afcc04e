// Surrogate gradients: they replace the derivative of the step function when a spiking neuron is trained. A row has the WGSL
// that shaders/lib/surrogate.wgsl runs, and float64 functions for checks and plots.
import { expectOptions, OpError } from "../../gpu/index.ts";

/** Sharpness alpha for all except the leaky ramp, which has a half width and a slope outside. */
export type Surrogate =
  | { readonly name: Exclude<SurrogateName, "piecewise_leaky_relu">; readonly alpha?: number }
  | { readonly name: "piecewise_leaky_relu"; readonly width?: number; readonly leak?: number };

interface Entry {
  /** Default alpha; for the leaky ramp, half its width. */
  readonly alpha: number;
  /** d primitive / du. */
  readonly derivative: (u: number, alpha: number, leak: number) => number;
  readonly primitive: (u: number, alpha: number, leak: number) => number;
  /** Both in WGSL, for an Item u: an expression, or statements of which the last returns. */
  readonly wgsl: { readonly derivative: string; readonly primitive: string };
}

const sigmoid = (x: number) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));

/** Compute the error function to about 1e-15: its series near 0, a continued fraction beyond. */
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
 * Every surrogate, of u = H - threshold.
 *
 * Source    ATan: Fang et al. 2021 (PLIF). Sigmoid, rectangle, triangle: Wu et al. 2018, Neftci et al. 2019; triangle:
 *           Bellec et al. 2018. SuperSpike: Zenke & Ganguli 2018, whose derivative is that of a fast sigmoid, twice as high.
 */
/** Name of a surrogate gradient. */
export type SurrogateName =
  | "atan"
  | "sigmoid"
  | "piecewise_quadratic"
  | "rect"
  | "piecewise_exp"
  | "soft_sign"
  | "erf"
  | "piecewise_leaky_relu"
  | "super_spike";

const TABLE = {
  atan: {
    alpha: 2,
    derivative: (u, a) => a / 2 / (1 + ((Math.PI / 2) * a * u) ** 2),
    primitive: (u, a) => Math.atan((Math.PI / 2) * a * u) / Math.PI + 0.5,
    wgsl: {
      derivative: "let z = u * (1.5707963 * alpha); return Item(0.5 * alpha) / (Item(1.0) + z * z);",
      primitive: "item_atan(u * (1.5707963 * alpha)) * 0.31830989 + Item(0.5)",
    },
  },
  sigmoid: {
    alpha: 4,
    derivative: (u, a) => a * sigmoid(a * u) * sigmoid(-a * u),
    primitive: (u, a) => sigmoid(a * u),
    wgsl: {
      derivative: "let s = item_sigmoid(u * alpha); return alpha * s * (Item(1.0) - s);",
      primitive: "item_sigmoid(u * alpha)",
    },
  },
  piecewise_quadratic: {
    alpha: 1,
    derivative: (u, a) => Math.max(a - a * a * Math.abs(u), 0),
    primitive: (u, a) => {
      if (Math.abs(u) > 1 / a) return u > 0 ? 1 : 0;
      return a * u - ((a * a) / 2) * u * Math.abs(u) + 0.5;
    },
    wgsl: {
      derivative: "let peak = Item(alpha) - abs(u) * (alpha * alpha); return carried_item(max(peak, Item(0.0)), u);",
      primitive: `let a = abs(u); let inside = u * alpha - u * a * (0.5 * alpha * alpha) + Item(0.5);
        return select(step(Item(0.0), u), inside, a <= Item(1.0 / alpha));`,
    },
  },
  rect: {
    alpha: 1,
    derivative: (u, a) => (Math.abs(u) < 0.5 / a ? a : 0),
    primitive: (u, a) => clamp(a * u + 0.5, 0, 1),
    wgsl: {
      derivative: "select(Item(0.0), Item(alpha), abs(u) < Item(0.5 / alpha))",
      primitive: "clamp(u * alpha + Item(0.5), Item(0.0), Item(1.0))",
    },
  },
  piecewise_exp: {
    alpha: 1,
    derivative: (u, a) => (a / 2) * Math.exp(-a * Math.abs(u)),
    primitive: (u, a) => (u < 0 ? Math.exp(a * u) / 2 : 1 - Math.exp(-a * u) / 2),
    wgsl: {
      derivative: "exp(abs(u) * -alpha) * (0.5 * alpha)",
      primitive: "let tail = 0.5 * exp(abs(u) * -alpha); return select(tail, Item(1.0) - tail, u >= Item(0.0));",
    },
  },
  soft_sign: {
    alpha: 2,
    derivative: (u, a) => a / 2 / (1 + a * Math.abs(u)) ** 2,
    primitive: (u, a) => (a * u) / (1 + a * Math.abs(u)) / 2 + 0.5,
    wgsl: {
      derivative: "let z = Item(1.0) + abs(u) * alpha; return Item(0.5 * alpha) / (z * z);",
      primitive: "u * (0.5 * alpha) / (Item(1.0) + abs(u) * alpha) + Item(0.5)",
    },
  },
  erf: {
    alpha: 2,
    derivative: (u, a) => (a / Math.sqrt(Math.PI)) * Math.exp(-((a * u) ** 2)),
    primitive: (u, a) => (1 + erf(a * u)) / 2,
    wgsl: {
      derivative: "exp(u * u * (-alpha * alpha)) * (alpha * 0.56418958)",
      primitive: "half_erfc_minus(u * alpha)",
    },
  },
  piecewise_leaky_relu: {
    alpha: 1,
    derivative: (u, a, leak) => (Math.abs(u) < a ? 0.5 / a : leak),
    primitive: (u, a, leak) => {
      const edge = clamp(u, -a, a);
      return edge / (2 * a) + leak * (u - edge) + 0.5;
    },
    wgsl: {
      derivative: "select(Item(leak), Item(0.5 / alpha), abs(u) < Item(alpha))",
      primitive:
        "let edge = clamp(u, Item(-alpha), Item(alpha)); return edge * (0.5 / alpha) + (u - edge) * leak + Item(0.5);",
    },
  },
  super_spike: {
    alpha: 1,
    derivative: (u, a) => a / (1 + Math.abs(u)) ** 2,
    primitive: (u, a) => (a * u) / (1 + Math.abs(u)) + 0.5,
    wgsl: {
      derivative: "let z = Item(1.0) + abs(u); return Item(alpha) / (z * z);",
      primitive: "u * alpha / (Item(1.0) + abs(u)) + Item(0.5)",
    },
  },
} as const satisfies Record<SurrogateName, Entry>;

/** Names of the surrogates. */
export const SURROGATES = Object.keys(TABLE) as readonly SurrogateName[];

const KEYS = { name: true, alpha: true } as const;
const LEAKY_KEYS = { name: true, width: true, leak: true } as const;
const DEFAULT_LEAK = 0.01;

/** A surrogate with its numbers filled in. */
export interface ResolvedSurrogate {
  readonly name: SurrogateName;
  /** Bodies of the functions in shaders/lib/surrogate.wgsl. */
  readonly spec: { readonly surrogate_derivative: string; readonly surrogate_value: string };
  readonly alpha: number;
  readonly leak: number;
  /** d primitive / du at u = H - threshold, in float64. */
  readonly derivative: (u: number) => number;
  readonly primitive: (u: number) => number;
}

/** Fill in the defaults. Throws OpError for an unknown name or an invalid alpha, width or leak. */
export function resolveSurrogate(op: string, surrogate: SurrogateName | Surrogate = "sigmoid"): ResolvedSurrogate {
  const given: Surrogate = typeof surrogate === "string" ? { name: surrogate } : surrogate;
  const { name } = given;
  if (!SURROGATES.includes(name))
    throw new OpError(op, `surrogate: expected one of ${SURROGATES.join(", ")}, got ${name}`);
  const entry: Entry = TABLE[name];
  const leaky = given.name === "piecewise_leaky_relu" ? given : null;
  expectOptions(`${op}: surrogate ${name}`, given, leaky ? LEAKY_KEYS : KEYS);
  const alpha = (leaky ? leaky.width : (given as { alpha?: number }).alpha) ?? entry.alpha;
  const leak = leaky?.leak ?? DEFAULT_LEAK;
  if (!(alpha > 0 && Number.isFinite(alpha)))
    throw new OpError(op, `surrogate ${name}: expected ${leaky ? "a width" : "an alpha"} > 0, got ${alpha}`);
  if (!(leak >= 0 && Number.isFinite(leak)))
    throw new OpError(op, `surrogate ${name}: expected a leak >= 0, got ${leak}`);
  return {
    name,
    spec: { surrogate_derivative: entry.wgsl.derivative, surrogate_value: entry.wgsl.primitive },
    alpha,
    leak,
    derivative: (u) => entry.derivative(u, alpha, leak),
    primitive: (u) => entry.primitive(u, alpha, leak),
  };
}
