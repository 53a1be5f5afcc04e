// Runs a network and passes on each value that has a scale, as it is computed.
import { setInspector } from "../../autograd/index.ts";
import { type Module, overrideMethod, type Undo, watchModule } from "../../nn/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { separateSums } from "./network.ts";
import { INPUT_SCALE, type Int8Plan, opKey } from "./plan.ts";

/** Receives a value of a scale; may change it in place. Returns the value to go on with, which counts for the input only. */
export type ValueListener = (scale: string, value: Tensor) => Tensor;

/**
 * Call a listener with every value that has a scale while `run` runs the network, in evaluation mode. Restores the model. Ops that
 * the listener runs are not reported.
 */
export async function watchValues<T>(
  model: Module,
  { measured }: Int8Plan,
  listener: ValueListener,
  run: () => Promise<T>,
): Promise<T> {
  const scales = new Map<string, string>();
  for (const [scale, at] of measured) if (at) scales.set(`${at.key} ${at.index}`, scale);
  const training = [...model.namedModules()].map(([, m]) => [m, m.training] as const);
  const stack: string[] = [];
  const undo: Undo[] = [];
  let counts = new Map<string, number>();
  let isBusy = false;
  const listen = (scale: string, value: Tensor): Tensor => {
    isBusy = true;
    try {
      return listener(scale, value);
    } finally {
      isBusy = false;
    }
  };
  for (const [name, m] of model.namedModules()) undo.push(...separateSums(m), ...watchModule(name, m, stack));
  const { forward } = model as unknown as { forward: (...inputs: Tensor[]) => unknown };
  const begin = (x: Tensor, ...more: Tensor[]) => {
    counts = new Map();
    return forward.call(model, measured.has(INPUT_SCALE) ? listen(INPUT_SCALE, x) : x, ...more);
  };
  undo.push(overrideMethod(model, "forward", begin));
  const before = setInspector((op, phase, result, inputs) => {
    before(op, phase, result, inputs);
    if (isBusy || stack.length === 0) return;
    const key = opKey(stack.at(-1)!, op);
    const index = counts.get(key) ?? 0;
    counts.set(key, index + 1);
    const scale = scales.get(`${key} ${index}`);
    if (scale !== undefined) listen(scale, result);
  });
  try {
    model.eval();
    return await run();
  } finally {
    setInspector(before);
    for (const restore of undo.reverse()) restore();
    for (const [m, mode] of training) m.training = mode;
  }
}
