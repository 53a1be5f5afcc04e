// Traces a module on shapes alone: the ops that it runs, in order, each with the module that runs it.
import { numberOf, type TracedOp, traceOps } from "../autograd/index.ts";
import type { Module } from "./module.ts";

/** Methods that run a layer: forward, and those that fuse it with another layer. */
const DOORS = ["forward", "forwardRelu", "forwardAddRelu", "forwardConstant", "forwardBatchNorm", "forwardInto"];

/** An op of a trace. */
export interface TracedStep extends TracedOp {
  /** Path of the innermost module that ran the op; "" for the model itself. */
  readonly module: string;
}

/** Function that takes a change back. */
export type Undo = () => void;

/** Replace a method of one module. */
export function overrideMethod(m: Module, name: string, value: unknown): Undo {
  const own = Object.getOwnPropertyDescriptor(m, name); // modules with activation checkpointing have one
  Object.defineProperty(m, name, { configurable: true, value });
  return () => {
    if (own) Object.defineProperty(m, name, own);
    else Reflect.deleteProperty(m, name);
  };
}

/** Track the module that runs: the last entry of `stack`. */
export function watchModule(name: string, m: Module, stack: string[]): Undo[] {
  return DOORS.flatMap((door) => {
    const original = (m as unknown as Record<string, unknown>)[door];
    if (typeof original !== "function") return [];
    const watched = (...inputs: unknown[]): unknown => {
      stack.push(name);
      try {
        return original.apply(m, inputs);
      } finally {
        stack.pop();
      }
    };
    return [overrideMethod(m, door, watched)];
  });
}

/** A model's forward pass on shapes alone. */
export interface ModuleTrace {
  readonly steps: readonly TracedStep[];
  /** Result of forward: tensors without data. */
  readonly result: unknown;
  /** Return the number that an op takes in place of a tensor; undefined for other tensors. */
  readonly numberOf: typeof numberOf;
}

/** Run the model's forward pass on shapes alone, in evaluation mode. Restores the model. */
export function traceModule(model: Module, inputs: readonly unknown[]): ModuleTrace {
  const modules = [...model.namedModules()];
  const training = modules.map(([, m]) => [m, m.training] as const);
  const stack: string[] = [];
  const undo: Undo[] = [];
  const steps: TracedStep[] = [];
  try {
    for (const [name, m] of modules) undo.push(...watchModule(name, m, stack));
    model.eval();
    const result = traceOps(
      (op) => steps.push({ ...op, module: stack.at(-1) ?? "" }),
      () => model.forward(...inputs) as unknown,
    );
    return { steps, result, numberOf };
  } finally {
    for (const restore of undo.reverse()) restore();
    for (const [m, mode] of training) m.training = mode;
  }
}
