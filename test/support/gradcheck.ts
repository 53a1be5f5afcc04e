// Checks an op against a float64 reference: forward by value, backward through the engine's gradcheck.
import { gradcheck as gradcheckOfEngine } from "../../src/autograd/index.ts";
import { Scope, type Shape, type Tensor, tensor } from "../../src/tensor/index.ts";
import { expectClose, type Tolerance } from "./close.ts";

interface GradCase {
  /** Float inputs by name: values and shape. Values should stay away from kinks. */
  readonly inputs: Record<string, { data: ArrayLike<number>; shape: Shape }>;
  /** The op under test. */
  readonly op: (inputs: Record<string, Tensor>) => Tensor;
  /** The same in float64, on plain arrays: all output values. */
  readonly reference: (inputs: Record<string, Float64Array>) => ArrayLike<number>;
  readonly forward?: Tolerance;
  readonly backward?: Tolerance;
  /** Inputs that get no gradient. */
  readonly frozen?: readonly string[];
  /** Step of the central difference. Default 1e-4. */
  readonly h?: number;
  /** Compare only this many entries of each gradient, evenly spread. Default 40. */
  readonly samples?: number;
}

/** Runs forward and backward on the GPU and compares both with the reference. Throws on a miss. */
export async function gradcheck(c: GradCase): Promise<void> {
  using _scope = new Scope();
  const names = Object.keys(c.inputs);
  const tensors = names.map((name) => {
    const { data, shape } = c.inputs[name]!;
    const t = tensor(Float32Array.from(data), shape);
    t.requiresGrad = !c.frozen?.includes(name);
    return t;
  });
  const named = <T>(values: readonly T[]) => Object.fromEntries(names.map((name, i) => [name, values[i]!]));
  const op = (...inputs: Tensor[]) => c.op(named(inputs));
  const reference = (...inputs: Float64Array[]) => c.reference(named(inputs));
  const want = reference(...names.map((name) => Float64Array.from(Float32Array.from(c.inputs[name]!.data))));
  const y = op(...tensors);
  expectClose(await y.data(), want, c.forward ?? { rtol: 1e-5, atol: 2e-6 }, "forward");
  const options = { eps: c.h ?? 1e-4, tolerance: c.backward ?? 1e-4, samples: c.samples ?? 40, names };
  if (tensors.some((t) => t.requiresGrad)) await gradcheckOfEngine(op, tensors, { ...options, reference });
}
