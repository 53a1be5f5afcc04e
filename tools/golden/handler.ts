// What an op family gives the runner, and the frame most of them need: feed, run forward and backward, collect.
import { Tape } from "../../src/autograd/index.ts";
import { readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import type { Attrs } from "./attrs.ts";
import { type GoldenCase, tensorOf } from "./format.ts";

/** Values by the name of the tensor they are compared with. */
export type Results = Record<string, ArrayLike<number>>;

/** The bytes of a file beside the fixture, by its path from there. */
export type ReadFile = (path: string) => Promise<Uint8Array>;

/**
 * Reads all attributes of a case (throwing Unsupported for what it does not know) and returns how to run it. The runner
 * checks in between that no attribute was overlooked.
 */
export type Handler = (attrs: Attrs, c: GoldenCase, readFile?: ReadFile) => () => Promise<Results>;
export type Handlers = Readonly<Record<string, Handler>>;

export type Inputs = Readonly<Record<string, Tensor>>;

/** Uploads a case's inputs; those with a gradient to compare want one. The open scope owns them. */
function feed(c: GoldenCase): Inputs {
  const inputs: Record<string, Tensor> = {};
  for (const name of c.inputs) {
    const { shape, data } = tensorOf(c, name);
    const t = tensor(data, shape);
    t.requiresGrad = c.grads.includes(`grad_${name}`);
    inputs[name] = t;
  }
  return inputs;
}

/** An input that must be there. */
export function input(inputs: Inputs, name: string): Tensor {
  const found = inputs[name];
  if (!found) throw new Error(`the case has no input named ${name}`);
  return found;
}

function sameShape(name: string, have: readonly number[], want: readonly number[]): void {
  if (have.length !== want.length || have.some((d, i) => d !== want[i])) {
    throw new Error(`${name} has shape [${have.join(",")}], want [${want.join(",")}]`);
  }
}

/** Gradients that arrived at the inputs, read and freed. */
async function takeGradients(c: GoldenCase, inputs: Inputs): Promise<Results> {
  const results: Results = {};
  for (const name of c.grads) {
    const t = input(inputs, name.replace(/^grad_/, ""));
    if (!t.grad) continue; // reported as missing by the comparison
    sameShape(name, t.grad.shape, tensorOf(c, name).shape);
    results[name] = await t.grad.data();
    t.grad.dispose();
    t.grad = null;
  }
  return results;
}

/**
 * Runs functions of the inputs, each giving one output (by name), with the case's upstream gradients; gradients of
 * several outputs add up. `also` reads further values when forward has run.
 */
export async function runOutputs(
  c: GoldenCase,
  outputs: Readonly<Record<string, (inputs: Inputs) => Tensor>>,
  also: Readonly<Record<string, (inputs: Inputs) => Tensor>> = {},
): Promise<Results> {
  using _scope = new Scope();
  const inputs = feed(c);
  const results: Results = {};
  for (const [name, op] of Object.entries(outputs)) {
    using tape = new Tape();
    const y = tape.keep(op(inputs));
    const want = c.tensors.get(name);
    if (want) sameShape(name, y.shape, want.shape);
    results[name] = await y.data();
    const up = c.upstream.includes(`grad_${name}`) ? tensorOf(c, `grad_${name}`) : null;
    if (up) tape.backward(y, tensor(up.data, up.shape));
  }
  const extra = Object.entries(also).map(([name, make]) => [name, make(inputs)] as const);
  const values = extra.length > 0 ? await readAll(...extra.map(([, t]) => t)) : [];
  extra.forEach(([name], i) => {
    results[name] = values[i] as ArrayLike<number>;
  });
  return { ...results, ...(await takeGradients(c, inputs)) };
}

/** The commonest case: one output, whatever its name. */
export function runOp(c: GoldenCase, op: (inputs: Inputs) => Tensor): Promise<Results> {
  const [name = "y"] = c.outputs;
  return runOutputs(c, { [name]: op });
}
