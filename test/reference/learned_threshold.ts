// One optimiser step of a layer with a learned threshold, in float64, straight from the formulas: STR's soft threshold
// sigmoid(s) and LTP's soft gate around w² = tau.
import { soft } from "./sgd.ts";

/** 1 / (1 + e^-x), without overflow on either side. */
export function sigmoid(x: number): number {
  const e = Math.exp(-Math.abs(x));
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const sumOf = (count: number, f: (i: number) => number): number => sum(Array.from({ length: count }, (_, i) => f(i)));

/** Settings of the weights in either method. */
interface WeightHyper {
  readonly lr: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly nesterov?: boolean;
}

/** SGD on the weights, `g` being what reaches them; the decay acts on what is stored. */
function moveWeights(theta: Float64Array, v: Float64Array, g: (i: number) => number, h: WeightHyper) {
  const u = theta.map((x, i) => g(i) + h.weightDecay * x);
  const v1 = v.map((x, i) => h.momentum * x + u[i]!);
  const along = h.nesterov ? v1.map((x, i) => u[i]! + h.momentum * x) : v1;
  return { theta: theta.map((x, i) => x - h.lr * along[i]!), v: v1 };
}

// ---- STR: W = S(theta, d), d = sigmoid(s)

interface StrLayer {
  readonly theta: Float64Array;
  readonly v: Float64Array;
  readonly s: number;
  readonly vs: number;
}

interface StrHyper extends WeightHyper {
  /** Weight decay of s. */
  readonly decay: number;
}

export function strLayer(theta: ArrayLike<number>, s: number): StrLayer {
  return { theta: Float64Array.from(theta), v: new Float64Array(theta.length), s, vs: 0 };
}

export const strThreshold = ({ s }: StrLayer): number => sigmoid(s);
export const strWeights = (l: StrLayer): Float64Array => l.theta.map((x) => soft(x, strThreshold(l)));

/** dLoss/ds for g = dLoss/dW: -d (1 - d) times the sum of g sign(theta) over what is left. */
function strGradient(l: StrLayer, g: ArrayLike<number>): number {
  const d = strThreshold(l);
  const left = (i: number) => (Math.abs(l.theta[i]!) > d ? 1 : 0);
  return -d * (1 - d) * sumOf(g.length, (i) => g[i]! * Math.sign(l.theta[i]!) * left(i));
}

/** Both s and theta move by the gradient at the same W. */
export function strStep(l: StrLayer, g: ArrayLike<number>, h: StrHyper): StrLayer {
  const d = strThreshold(l);
  const vs = h.momentum * l.vs + strGradient(l, g) + h.decay * l.s;
  const reaches = (i: number) => (Math.abs(l.theta[i]!) > d ? g[i]! : 0);
  return { ...moveWeights(l.theta, l.v, reaches, h), s: l.s - h.lr * vs, vs };
}

// ---- LTP: W = w sigmoid((w² - tau) / T), T = T0 V, V = Var |w|

interface LtpLayer {
  readonly theta: Float64Array;
  readonly v: Float64Array;
  readonly tau: number;
  /** T of the forward pass to come. */
  readonly temperature: number;
}

interface LtpHyper extends WeightHyper {
  /** Cost of one weight. */
  readonly cost: number;
  /** T0. */
  readonly t0: number;
  /** Learning rate of tau / V. */
  readonly rate: number;
  /** Largest change of tau in a step, as a share of the larger of tau and V. */
  readonly clip: number;
}

/** Var |w|, of the population. */
export function spread(w: ArrayLike<number>): number {
  const mean = sumOf(w.length, (i) => Math.abs(w[i]!)) / w.length;
  return sumOf(w.length, (i) => (Math.abs(w[i]!) - mean) ** 2) / w.length;
}

export function ltpLayer(theta: ArrayLike<number>, tau: number, t0: number): LtpLayer {
  return {
    theta: Float64Array.from(theta),
    v: new Float64Array(theta.length),
    tau,
    temperature: t0 * spread(theta),
  };
}

type Gate = Pick<LtpLayer, "theta" | "tau" | "temperature">;

const ltpGates = ({ theta, tau, temperature }: Gate): Float64Array =>
  theta.map((w) => sigmoid((w * w - tau) / temperature));
export function ltpWeights(l: Gate): Float64Array {
  const gates = ltpGates(l);
  return l.theta.map((w, i) => w * gates[i]!);
}
export const ltpHard = ({ theta, tau }: Gate): Float64Array => theta.map((w) => (w * w > tau ? w : 0));

/** sum g W + cost · sum of gates: what tau descends on, g being held. */
export function ltpLoss(l: Gate, g: ArrayLike<number>, cost: number): number {
  const [w, gates] = [ltpWeights(l), ltpGates(l)];
  return sumOf(w.length, (i) => g[i]! * w[i]! + cost * gates[i]!);
}

/** dLoss/dtau = -sum of (g w + cost) q, with q = gate (1 - gate) / T. */
export function ltpGradient(l: Gate, g: ArrayLike<number>, cost: number): number {
  const q = ltpGates(l).map((gate) => (gate * (1 - gate)) / l.temperature);
  return -sumOf(q.length, (i) => (g[i]! * l.theta[i]! + cost) * q[i]!);
}

/**
 * tau / V moves by rate · V dLoss/dtau, limited to a share of max(tau / V, 1); V, which T follows too, is that of the weights before they move. The
 * gradient that reaches the weights is g times the gate, as if the gate did not depend on them.
 */
export function ltpStep(l: LtpLayer, g: ArrayLike<number>, h: LtpHyper): LtpLayer {
  const variance = spread(l.theta);
  const wanted = h.rate * variance * ltpGradient(l, g, h.cost);
  const most = h.clip * Math.max(l.tau / variance, 1);
  const change = Math.min(most, Math.max(-most, wanted));
  const gates = ltpGates(l);
  return {
    ...moveWeights(l.theta, l.v, (i) => g[i]! * gates[i]!, h),
    tau: Math.max(0, l.tau - variance * change),
    temperature: h.t0 * variance,
  };
}
