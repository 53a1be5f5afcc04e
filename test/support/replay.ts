// Compares a captured step with the same step run eagerly, bit for bit.
import { expect } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { captureStep, type HostArray, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";

type Inputs = Readonly<Record<string, HostArray>>;

/** Run `op` and its backward on each set of inputs, eagerly and replayed. Compares results and the gradient of `leaf`. */
export async function expectReplay(
  leaf: HostArray<Float32Array>,
  op: (leaf: Tensor, inputs: Record<string, Tensor>) => Tensor,
  sets: readonly Inputs[],
): Promise<void> {
  using _scope = new Scope();
  const w = tensor(leaf.data, leaf.shape);
  w.requiresGrad = true;
  const step = (inputs: Record<string, Tensor>) => {
    using tape = new Tape();
    const y = tape.keep(op(w, inputs));
    tape.backward(y, y);
    return { y };
  };
  const read = async (y: Tensor) => {
    const values = [await y.data(), await w.grad!.data()];
    w.gradArrived = false;
    return values;
  };
  const eager: unknown[] = [];
  for (const set of sets) {
    using _inner = new Scope();
    const inputs = Object.entries(set).map(([name, { data, shape }]) => [name, tensor(data, shape)] as const);
    eager.push(await read(step(Object.fromEntries(inputs)).y));
  }
  using captured = captureStep(step);
  for (const i of [...sets.keys(), 0]) {
    captured.run(sets[i]!);
    expect(await read(captured.outputs.y)).toEqual(eager[i]);
  }
  w.grad!.dispose();
}
