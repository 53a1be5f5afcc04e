// Initial values of parameters: the rules of PyTorch, drawn from Philox, so that a seed fixes every weight.

import type { Shape } from "../tensor/index.ts";
import { PhiloxStream } from "../tensor/philox.ts";

/** Returns values for a shape. `index` is the seed and the parameter's number in the order of construction. */
export type Initializer = (shape: Shape, index: { seed: number; parameter: number }) => Float32Array;

let state = { seed: 0, next: 0, streams: 0 };
/** First stream of layers without a given random state, above those of a given one. */
const LAYER_STREAMS = 2 ** 16;

/** Set the seed of the weights of all models built after this call, and of their dropout masks if no RandomState is given. */
export function manualSeed(seed: number): void {
  state = { seed, next: 0, streams: 0 };
}
export function nextInitIndex(): { seed: number; parameter: number } {
  return { seed: state.seed, parameter: state.next++ };
}

/** Return the seed, and a stream of random numbers for a layer that has no given random state. */
export function nextLayerStream(): { seed: number; stream: number } {
  return { seed: state.seed, stream: LAYER_STREAMS + state.streams++ };
}

const size = (shape: Shape) => shape.reduce((a, b) => a * b, 1);

/** Return the number of inputs of one output: in/groups · kh · kw, or the columns of a matrix. */
export function fanIn(shape: Shape): number {
  return size(shape.slice(1));
}
function fanOut(shape: Shape, groups: number): number {
  return ((shape[0] ?? 1) / groups) * size(shape.slice(2));
}

function generator({ seed, parameter }: { seed: number; parameter: number }): PhiloxStream {
  return new PhiloxStream(seed, "init", [parameter, 0, 0]);
}

/** Make an initializer that sets every value to `value`. */
export const constantInit =
  (value: number): Initializer =>
  (shape) =>
    new Float32Array(size(shape)).fill(value);

/** Make an initializer that draws from U(-bound, bound). */
export const uniformInit =
  (bound: number): Initializer =>
  (shape, index) => {
    const random = generator(index);
    return Float32Array.from({ length: size(shape) }, () => (2 * random.nextFloat() - 1) * bound);
  };

/** Draw from U(±1/sqrt(fan_in)): the default of convolutions and linear layers (Kaiming uniform with a = sqrt 5). */
export const defaultWeightInit: Initializer = (shape, index) => uniformInit(1 / Math.sqrt(fanIn(shape)))(shape, index);

/** U(±1/sqrt(fan_in)) for the bias of a weight of this shape. */
export const defaultBiasInit = (weight: Shape): Initializer => uniformInit(1 / Math.sqrt(fanIn(weight)));

/** Make an initializer that draws from N(0, std²). */
export const normalInit =
  (std: number): Initializer =>
  (shape, index) => {
    const random = generator(index);
    return Float32Array.from({ length: size(shape) }, () => random.normal() * std);
  };

/**
 * Make an initializer that draws from N(0, 2/fan), for layers followed by ReLU (He et al. 2015). fan_out counts all outputs,
 * also of a grouped convolution, as in PyTorch; with `groups` it counts those of one group.
 */
export const kaimingNormalInit =
  (mode: "fan_in" | "fan_out" = "fan_in", groups = 1): Initializer =>
  (shape, index) =>
    normalInit(Math.sqrt(2 / (mode === "fan_in" ? fanIn(shape) : fanOut(shape, groups))))(shape, index);
