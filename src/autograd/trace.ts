// Watching the ops that run on shapes alone: how an exporter learns what a model's forward pass is made of.
import type { Tensor } from "../tensor/index.ts";

/** An op that ran on shapes: what went in, what came out. */
export interface TracedOp {
  readonly op: string;
  readonly inputs: readonly (Tensor | null)[];
  readonly options: object;
  readonly output: Tensor;
}

let watcher: ((op: TracedOp) => void) | null = null;

/** Tells the watcher, if there is one. An op made of other ops is told once, as itself. */
export function traced(op: string, inputs: TracedOp["inputs"], options: object, output: Tensor): Tensor {
  watcher?.({ op, inputs, options, output });
  return output;
}

/** Runs `fn` and tells `watch` of each op on shapes (an input is a `meta` tensor), in order. Ops on the GPU are not told. */
export function traceOps<T>(watch: (op: TracedOp) => void, fn: () => T): T {
  const outer = watcher;
  watcher = watch;
  try {
    return fn();
  } finally {
    watcher = outer;
  }
}
