// Reports the ops that run on shapes alone, so that an exporter can follow a model's forward pass.
import { metaTensor, type Tensor } from "../tensor/index.ts";

/** An op that ran on shapes: its inputs and its output. */
export interface TracedOp {
  readonly op: string;
  readonly inputs: readonly (Tensor | null)[];
  readonly options: object;
  readonly output: Tensor;
}

let watcher: ((op: TracedOp) => void) | null = null;

/** Report an op to the watcher, if there is one. An op made of other ops is reported once. */
export function traced(op: string, inputs: TracedOp["inputs"], options: object, output: Tensor): Tensor {
  watcher?.({ op, inputs, options, output });
  return output;
}

/** True inside traceOps: all ops run on shapes alone, also those of parameters only. */
export function isTracing(): boolean {
  return watcher !== null;
}

/** Run `fn` and call `watch` with each op, in order. All ops run on shapes alone. */
export function traceOps<T>(watch: (op: TracedOp) => void, fn: () => T): T {
  const outer = watcher;
  watcher = watch;
  try {
    return fn();
  } finally {
    watcher = outer;
  }
}

const numbers = new WeakMap<Tensor, number>();

/** Return a tensor without data for a number that an op takes as an operand. */
export function tracedNumber(value: number): Tensor {
  const t = metaTensor([]);
  numbers.set(t, value);
  return t;
}

/** Return the number of a tensor from tracedNumber; undefined for any other tensor. */
export function numberOf(t: Tensor): number | undefined {
  return numbers.get(t);
}
