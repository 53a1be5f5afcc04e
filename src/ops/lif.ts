// Spiking neurons in multi-step form: integrate-and-fire with and without leak, and with a learned leak.
import { type BackwardContext, computeOnce, defineOp, expectActivations, expectFloat } from "../autograd/index.ts";
import { OpError } from "../gpu/index.ts";
import { clone, copyInto, type DType, empty, type Shape, sameShape, type Tensor } from "../tensor/index.ts";
import {
  expectLeakLogit,
  expectTimeSteps,
  type FireOptions,
  type LeakOptions,
  type NeuronKind,
  type NeuronOptions,
  neuronOptions,
  resolveNeuron,
} from "./spiking/neuron.ts";
import { type Current, type Out, walkBackward, walkForward } from "./spiking/walk.ts";

type Inputs = [x: Tensor, w: Tensor | null, v0: Tensor | null];

/** Return the shape of the spikes, [T, N, *]. */
function shapeOf(name: string, x: Tensor, timeSteps: number | undefined): Shape {
  if (timeSteps !== undefined) {
    expectTimeSteps(name, timeSteps);
    return [timeSteps, ...x.shape];
  }
  if (x.shape.length < 2) throw new OpError(name, "x: expected [T, N, ...], or timeSteps for a constant input", { x });
  return x.shape;
}

function infer(
  name: string,
  kind: NeuronKind,
  out: Out,
  [x, w, v0]: Inputs,
  options: NeuronOptions,
): { shape: Shape; dtype: DType } {
  const { state, timeSteps } = options;
  expectActivations(name, { x });
  expectFloat(name, { w, v0, state });
  resolveNeuron(name, kind, options);
  const shape = shapeOf(name, x, timeSteps);
  expectLeakLogit(name, kind, w);
  if (state && v0) throw new OpError(name, "expected v0 or state, got both", { v0, state });
  const one = shape.slice(1);
  for (const [part, t] of Object.entries({ v0, state })) {
    if (t && !sameShape(t.shape, one))
      throw new OpError(name, `${part}: expected one step of x, [${one.join(",")}]`, { x, [part]: t });
  }
  return out === "last" ? { shape: one, dtype: "f32" } : { shape, dtype: x.dtype };
}

function currentOf(kept: Tensor, dtype: DType, shape: Shape, { timeSteps }: NeuronOptions): Current {
  return { x: kept, dtype, constant: timeSteps !== undefined, steps: shape[0]!, one: shape.slice(1), norm: null };
}

interface Beginning {
  readonly v: Tensor | null;
  /** Return the state if this walk updates it. */
  readonly moved: Tensor | null;
}

/** Return the initial potential. A checkpoint's second run starts from the same one and does not update the state. */
function beginning(state: Tensor | null, v0: Tensor | null): Beginning {
  if (!state) return { v: v0, moved: null };
  let isFirst = false;
  const v = computeOnce(() => {
    isFirst = true;
    return clone(state);
  });
  return { v, moved: isFirst ? state : null };
}

function define(name: string, kind: NeuronKind, out: Out) {
  return defineOp({
    name,
    options: neuronOptions[kind],
    infer: (inputs: Inputs, options: NeuronOptions) => infer(name, kind, out, inputs, options),
    forward(y, [x, w, v0], options): (Tensor | null)[] {
      const shape = shapeOf(name, x, options.timeSteps);
      const { state = null, keep = "input" } = options;
      const { v, moved } = beginning(state, v0);
      const h = keep === "potential" ? empty(shape) : null;
      const neuron = resolveNeuron(name, kind, options);
      const between = walkForward(neuron, currentOf(x, x.dtype, shape, options), { v0: v, w }, out, y, {
        last: moved,
        h,
      });
      if (moved && out === "last") copyInto(moved, y);
      return [h ?? x, w, v, ...between];
    },
    backward(dy, [kept, w = null, v0 = null, ...between], context: BackwardContext<NeuronOptions>) {
      const { options, needs, shapes, out: slot } = context;
      const x = kept!;
      const fromH = options.keep === "potential";
      const shape = fromH ? x.shape : shapeOf(name, x, options.timeSteps);
      const dx = needs[0] ? slot(0) : empty(shapes[0]!, fromH && out !== "last" ? dy.dtype : x.dtype);
      const dw = needs[1] ? slot(1) : null;
      const dv0 = needs[2] ? slot(2) : null;
      const current = currentOf(x, dx.dtype, shape, options);
      const neuron = resolveNeuron(name, kind, options);
      walkBackward(neuron, current, { v0, w }, between as Tensor[], fromH, out, dy, { dx, dv0, dw });
      return [needs[0] ? dx : null, dw, dv0];
    },
  });
}

const spikesOf = {
  IF: define("integrateAndFire", "IF", "spike"),
  LIF: define("lif", "LIF", "spike"),
  PLIF: define("plif", "PLIF", "spike"),
} as const;

/**
 * Run integrate-and-fire neurons, T steps in one kernel: charge H = V + X, fire S = [H >= vThreshold], reset V.
 *
 * Shapes    x [T, N, *], or [N, *] with `timeSteps`; v0 [N, *] or null (begins at vReset, 0 with soft reset) -> [T, N, *].
 * Backward  to x and v0 through time; the surrogate's derivative replaces that of the step.
 * State     `state` [N, *] holds the potential across calls: read first, written last, with no gradient between calls.
 * Errors    OpError for other shapes and for options out of range.
 * Source    spike-based backpropagation through time, Neftci et al. 2019; conventions of SpikingJelly.
 */
export function integrateAndFire(x: Tensor, v0: Tensor | null = null, options: FireOptions = {}): Tensor {
  return spikesOf.IF(x, null, v0, options);
}

/**
 * Run leaky integrate-and-fire neurons: H = V + (X - (V - rest)) / tau, or with decayInput false H = V - (V - rest) / tau + X.
 * The rest as for integrateAndFire; rest is vReset, or 0 with soft reset.
 */
export function lif(x: Tensor, v0: Tensor | null = null, options: NeuronOptions = {}): Tensor {
  return spikesOf.LIF(x, null, v0, options);
}

/**
 * Run LIF neurons with a learned leak: 1 / tau = sigmoid(w), one scalar w for the layer.
 *
 * Shapes    w of one element; the rest as for lif.
 * Backward  to x, v0 and w: the sum over all neurons and steps, in a fixed order.
 * Source    Fang et al. 2021, "Incorporating learnable membrane time constant".
 */
export function plif(x: Tensor, w: Tensor, v0: Tensor | null = null, options: FireOptions & LeakOptions = {}): Tensor {
  return spikesOf.PLIF(x, w, v0, options);
}

const potentialsOf = (kind: NeuronKind) => ({
  h: define("membranePotential", kind, "h"),
  v: define("membranePotential", kind, "v"),
  last: define("membranePotential", kind, "last"),
});
const potentials = { IF: potentialsOf("IF"), LIF: potentialsOf("LIF"), PLIF: potentialsOf("PLIF") } as const;

/** Options of `membranePotential`. */
export interface PotentialOptions {
  /** Default LIF. */
  readonly neuron?: NeuronKind;
  /** h: before firing, [T, N, *]. v: after the reset, [T, N, *]. last: after the last step, [N, *]. */
  readonly of: "h" | "v" | "last";
}

/**
 * Return the membrane potential of lif, integrateAndFire or plif, with its gradient: for traces, for a
 * loss on potentials, and to continue from a state with gradients (`last` of one call is v0 of the next).
 *
 * Shapes    x, v0 as for lif; w for PLIF, else null -> [T, N, *], or [N, *] of the last step.
 * Errors    those of lif; OpError for another `of` or neuron.
 */
export function membranePotential(
  x: Tensor,
  w: Tensor | null,
  v0: Tensor | null,
  { neuron = "LIF", of, ...options }: NeuronOptions & PotentialOptions,
): Tensor {
  if (!Object.hasOwn(potentials, neuron))
    throw new OpError("membranePotential", `neuron: expected IF, LIF or PLIF, got ${neuron}`);
  const ops = potentials[neuron];
  if (!Object.hasOwn(ops, of)) throw new OpError("membranePotential", `of: expected h, v or last, got ${of}`);
  return ops[of](x, w, v0, options);
}
