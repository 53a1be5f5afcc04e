// Compares a captured step with the same step run eagerly, bit for bit.
import { expect } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import type { Module, Parameter } from "../../src/nn/index.ts";
import {
  captureStep,
  type HostArray,
  numel,
  readAll,
  Scope,
  type Shape,
  type Tensor,
  tensor,
} from "../../src/tensor/index.ts";
import { randomArray } from "./random.ts";

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

interface AffineLayer extends Module<[x: Tensor], Tensor> {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
}

/** Run a layer and its backward four times, eagerly and replayed. Compares results and the gradients of weight and bias. */
export async function expectLayerReplay(make: () => AffineLayer, shape: Shape): Promise<void> {
  using _scope = new Scope();
  const run = async (replay: boolean) => {
    const layer = make();
    const step = captureStep(
      ({ x }: { x: Tensor }) => {
        using tape = new Tape();
        for (const p of layer.parameters()) p.gradArrived = false; // as an optimizer does after its step
        const y = tape.keep(layer.forward(x));
        tape.backward(y, x);
        return { y };
      },
      { replay },
    );
    const all: unknown[] = [];
    for (let i = 0; i < 4; i++) {
      step.run({ x: { data: randomArray(numel(shape), i), shape } });
      all.push(await readAll(step.outputs.y, layer.weight!.grad!, layer.bias!.grad!));
    }
    step[Symbol.dispose]();
    layer.weight!.grad!.dispose();
    layer.bias!.grad!.dispose();
    layer.dispose();
    return all;
  };
  expect(await run(true)).toEqual(await run(false));
}
