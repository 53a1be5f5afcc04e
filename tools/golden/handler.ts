// The interface between op families and the runner, and the frame of most of them: feed, run forward and backward, collect.
import { Tape } from "../../src/autograd/index.ts";
import { readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import type { Attrs } from "./attrs.ts";
import { type GoldenCase, tensorOf } from "./format.ts";

/** Values by the name of their reference tensor. */
export type Results = Record<string, ArrayLike<number>>;

/** Function that reads a file beside the fixture, by relative path. */
export type ReadFile = (path: string) => Promise<Uint8Array>;

/**
 * Function that reads all attributes of a case (throws Unsupported for an unsupported one) and returns how to run it. The
 * runner then checks that every attribute was read.
 */
export type Handler = (attrs: Attrs, c: GoldenCase, readFile?: ReadFile) => () => Promise<Results>;
export type Handlers = Readonly<Record<string, Handler>>;

export type Inputs = Readonly<Record<string, Tensor>>;

/** Upload a case's inputs, with requiresGrad for those whose gradient is compared. The open scope owns them. */
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

/** Return a required input. */
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

/** Read and free the gradients of the inputs. */
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
 * Run functions of the inputs, one per named output, with the case's upstream gradients. Gradients of several outputs add
 * up. `also` reads further values after the forward pass.
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

/** Run the most common case: one output of any name. */
export function runOp(c: GoldenCase, op: (inputs: Inputs) => Tensor): Promise<Results> {
  const [name = "y"] = c.outputs;
  return runOutputs(c, { [name]: op });
}
