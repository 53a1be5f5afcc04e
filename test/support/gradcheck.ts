// The gradient oracle: central differences of a float64 reference, compared with what the tape's kernels computed.
import { Tape } from "../../src/autograd/index.ts";
import { readAll, Scope, type Shape, type Tensor, tensor } from "../../src/tensor/index.ts";
import { expectClose, type Tolerance } from "./close.ts";
import { randomArray } from "./random.ts";

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
  const tensors: Record<string, Tensor> = {};
  const doubles: Record<string, Float64Array> = {};
  for (const name of names) {
    const { data, shape } = c.inputs[name]!;
    const f32 = Float32Array.from(data);
    doubles[name] = Float64Array.from(f32);
    const t = tensor(f32, shape);
    t.requiresGrad = !c.frozen?.includes(name);
    tensors[name] = t;
  }
  const want = c.reference(doubles);
  const upstream = randomArray(want.length, 77);
  let got: ArrayLike<number>;
  {
    using tape = new Tape();
    const y = tape.keep(c.op(tensors));
    tape.backward(y, tensor(upstream, y.shape));
    got = await y.data();
  }
  expectClose(got, want, c.forward ?? { rtol: 1e-5, atol: 2e-6 }, "forward");
  const loss = () => {
    const y = c.reference(doubles);
    let sum = 0;
    for (let i = 0; i < y.length; i++) sum += y[i]! * upstream[i]!;
    return sum;
  };
  const h = c.h ?? 1e-4;
  for (const name of names) {
    if (c.frozen?.includes(name)) continue;
    const t = tensors[name]!;
    if (!t.grad) throw new Error(`no gradient arrived at ${name}`);
    const [grad] = await readAll(t.grad);
    t.grad.dispose();
    const x = doubles[name]!;
    const stride = Math.max(1, Math.floor(x.length / (c.samples ?? 40)));
    const a: number[] = [];
    const b: number[] = [];
    for (let i = 0; i < x.length; i += stride) {
      const keep = x[i]!;
      x[i] = keep + h;
      const up = loss();
      x[i] = keep - h;
      const down = loss();
      x[i] = keep;
      a.push(grad?.[i] as number);
      b.push((up - down) / (2 * h));
    }
    expectClose(a, b, c.backward ?? { rtol: 1e-4, atol: 1e-4 }, `gradient of ${name}`);
  }
}
