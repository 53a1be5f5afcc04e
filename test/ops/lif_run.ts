// One pass through spiking neurons with everything that comes out of it, and inputs that keep clear of the threshold.
import { Tape } from "../../src/autograd/index.ts";
import { integrateAndFire, lif, plif } from "../../src/ops/lif.ts";
import type { NeuronKind, NeuronOptions } from "../../src/ops/spiking/neuron.ts";
import { readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { type ReferenceNeuron, walkNeurons } from "../reference/spiking.ts";
import { randomArray } from "../support/random.ts";

export type Values = Float32Array;
export interface Host {
  readonly data: Values;
  readonly shape: readonly number[];
}

export const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
export const draw = (shape: readonly number[], seed: number, scale = 1, base = 0): Host => ({
  data: randomArray(count(shape), seed, scale).map((v) => v + base),
  shape,
});

/** Currents that make about every third neuron fire. */
export const currents = (shape: readonly number[], seed = 1) => draw(shape, seed, 0.8, 0.6);

/** `currents`, of a seed for which no potential comes so near the threshold that rounding decides. */
export function clearCurrents(
  neuron: ReferenceNeuron,
  shape: readonly number[],
  v0?: Values,
  w?: Values,
  margin = 1e-5,
): Host {
  for (let seed = 1; ; seed++) {
    const x = currents(shape, seed);
    const { h } = walkNeurons(neuron, shape[0]!, { x: x.data, v0, w });
    if (h.every((e) => Math.abs(e - (neuron.vThreshold ?? 1)) > margin)) return x;
  }
}

/** The op of a kind of neuron. */
export function fire(kind: NeuronKind, x: Tensor, v0: Tensor | null, w: Tensor | null, options: NeuronOptions): Tensor {
  if (kind === "PLIF") return plif(x, w!, v0, options);
  return (kind === "IF" ? integrateAndFire : lif)(x, v0, options);
}

/** Result and gradients of a pass, by the inputs' names; `y` is the result. Leaves no memory behind. */
export async function pass(
  inputs: Record<string, Host>,
  op: (inputs: Record<string, Tensor>) => Tensor,
): Promise<Record<string, Values>> {
  using _scope = new Scope();
  const tensors = Object.fromEntries(Object.entries(inputs).map(([k, { data, shape }]) => [k, tensor(data, shape)]));
  const leaves = Object.values(tensors);
  for (const t of leaves) t.requiresGrad = true;
  let y: Tensor;
  {
    using tape = new Tape();
    y = tape.keep(op(tensors));
    tape.backward(y, tensor(randomArray(y.numel, 77), y.shape));
  }
  const wanted = Object.entries(tensors).filter(([, t]) => t.grad !== null);
  const read = await readAll(y, ...wanted.map(([, t]) => t.grad!));
  for (const t of leaves) t.grad?.dispose();
  return Object.fromEntries(["y", ...wanted.map(([k]) => k)].map((k, i) => [k, read[i] as Values]));
}

/** The upstream gradients of `pass`. */
export const upstream = (n: number) => randomArray(n, 77);
