// Summary of a model: shapes, parameters and multiply-accumulates per layer, without a GPU.
import { OpError } from "../gpu/index.ts";
import { numel, type Shape, tensorsOf } from "../tensor/index.ts";
import { kindOf } from "../text/index.ts";
import { Conv2d } from "./conv.ts";
import { type InputShapes, metaInputs } from "./input_shapes.ts";
import { Linear } from "./linear.ts";
import type { Module } from "./module.ts";
import { SpikingNode } from "./neuron.ts";
import type { Parameter } from "./parameter.ts";

/** Facts about a layer in a summary. */
export interface LayerSummary {
  readonly name: string;
  readonly type: string;
  /** Output shape with the batch axis; one time step for spiking layers. The first output, if there are several. */
  readonly output: Shape;
  /** All outputs, if there are several. */
  readonly outputs?: readonly Shape[];
  readonly parameters: number;
  /**
   * Multiply-accumulates of one sample (spiking networks: one time step); convolutions and linear layers only, as is usual, and
   * layers with a method `multiplyAdds(input: Shape, output: Shape)`.
   */
  readonly macs: number;
  /** Weights that pruning may set to zero. */
  readonly prunable: number;
}

/** Result of `summarize`. */
export interface ModelSummary {
  readonly layers: readonly LayerSummary[];
  /** Shape of one sample, the first input if there are several. */
  readonly input: Shape;
  /** Shape with the batch axis, the first output if there are several. */
  readonly output: Shape;
  /** All inputs and outputs, if there are several. */
  readonly inputs?: readonly Shape[];
  readonly outputs?: readonly Shape[];
  readonly parameters: number;
  readonly prunable: number;
  readonly macs: number;
}

/** Return all shapes if there are several. */
const several = <K extends string>(key: K, shapes: readonly Shape[]): { readonly [P in K]?: readonly Shape[] } =>
  (shapes.length > 1 ? { [key]: shapes } : {}) as { readonly [P in K]?: readonly Shape[] };

/**
 * Wrap the methods that run each layer, so that `note` gets a layer's output. A fused layer (batch norm with the next layer) is
 * called through another method than forward. Returns a function that undoes it.
 */
function watchLayers(leaves: readonly Module[], note: (m: Module, inputs: readonly unknown[], y: unknown) => void) {
  const undo: (() => void)[] = [];
  for (const m of leaves) {
    for (const method of ["forward", "forwardRelu", "forwardAddRelu", "forwardConstant", "forwardBatchNorm"] as const) {
      const original = (m as unknown as Record<string, unknown>)[method];
      if (typeof original !== "function") continue;
      const own = Object.getOwnPropertyDescriptor(m, method); // a checkpointed module has one
      undo.push(() => (own ? Object.defineProperty(m, method, own) : Reflect.deleteProperty(m, method)));
      Object.defineProperty(m, method, {
        configurable: true,
        value: (...inputs: unknown[]): unknown => {
          const y: unknown = original.apply(m, inputs);
          note(m, inputs, y);
          return y;
        },
      });
    }
  }
  return () => {
    for (const restore of undo) restore();
  };
}

/**
 * Run forward on shapes alone: shapes, parameters and multiply-accumulates, without a GPU. Restores the model's mode.
 *
 * `input` is the shape of one sample, without the batch axis; for a model of several inputs an array or object of shapes, one for
 * each argument of forward. Throws OpError if it does not fit.
 *
 * @example
 * const { layers, parameters, macs } = summarize(new Sequential([new Linear(8, 4), new ReLU()]), [8]);
 * console.log(layers.map((l) => `${l.name} ${l.type} [${l.output}]`), parameters, macs); // ..., 36, 32
 */
export function summarize(model: Module, input: InputShapes): ModelSummary {
  const layers: LayerSummary[] = [];
  const names = new Map<Module, string>();
  for (const [name, m] of model.namedModules()) names.set(m, name);
  const leaves = [...names.keys()].filter((m) => [...m.namedModules()].length === 1);
  const training = [...names.keys()].map((m) => [m, m.training] as const);
  const { inputs, tensors } = metaInputs("summarize", input, 1);
  const restore = watchLayers(leaves, (m, given, y) => layers.push(describe(names.get(m)!, m, given, y)));
  try {
    model.eval();
    const outputs = shapesIn("summarize", "the model", model.forward(...inputs));
    const samples = tensors.map(([, t]) => t.shape.slice(1));
    // Count over the model, not the layers: a layer may run twice, and a parameter may belong to no layer.
    const count = (list: readonly Parameter[]) => list.reduce((sum, p) => sum + p.numel, 0);
    const all = model.parameters();
    const macs = layers.reduce((sum, layer) => sum + layer.macs, 0);
    return {
      layers,
      input: samples[0]!,
      output: outputs[0]!,
      ...several("inputs", samples),
      ...several("outputs", outputs),
      parameters: count(all),
      prunable: count(all.filter((p) => p.prunable)),
      macs,
    };
  } finally {
    restore();
    for (const [m, mode] of training) m.training = mode;
  }
}

function shapesIn(op: string, what: string, y: unknown): Shape[] {
  const shapes = tensorsOf(y).map(([, t]) => t.shape);
  if (shapes.length === 0) throw new OpError(op, `${what}: expected forward to return a tensor, got ${kindOf(y)}`);
  return shapes;
}

/** A layer that counts its multiply-accumulates from the shapes of its first input and output, with the batch axis. */
interface CountedLayer {
  multiplyAdds(input: Shape, output: Shape): number;
}

const isCounted = (m: object): m is CountedLayer => typeof (m as Partial<CountedLayer>).multiplyAdds === "function";

function describe(name: string, m: Module, inputs: readonly unknown[], y: unknown): LayerSummary {
  const own = m.parameters();
  const parameters = own.reduce((sum, p) => sum + p.numel, 0);
  const prunable = own.reduce((sum, p) => sum + (p.prunable ? p.numel : 0), 0);
  const shapes = shapesIn("summarize", name || "the model", y);
  const made = shapes[0]!;
  const taken = tensorsOf(inputs)[0]?.[1].shape ?? [];
  let macs = isCounted(m) ? m.multiplyAdds(taken, made) : 0;
  if (m instanceof Conv2d) macs = m.weight.numel * made[2]! * made[3]!;
  // Rows beyond the first axis are positions of one sample; the first is the batch, with time steps folded in.
  if (m instanceof Linear) macs = m.weight.numel * (numel(made) / (made[0]! * made.at(-1)!));
  const sample = (shape: Shape) => (m instanceof SpikingNode ? shape.slice(1) : [1, ...shape.slice(1)]);
  const type = m.constructor.name;
  return { name, type, output: sample(made), ...several("outputs", shapes.map(sample)), parameters, macs, prunable };
}
