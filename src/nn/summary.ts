// Summary of a model: shapes, parameters and multiply-accumulates per layer, without a GPU.
import { metaTensor, type Shape, type Tensor } from "../tensor/index.ts";
import { Conv2d } from "./conv.ts";
import { Linear } from "./linear.ts";
import type { Module } from "./module.ts";
import { SpikingNode } from "./neuron.ts";
import type { Parameter } from "./parameter.ts";

export interface LayerSummary {
  readonly name: string;
  readonly type: string;
  /** Output shape with the batch axis; one time step for spiking layers. */
  readonly output: Shape;
  readonly parameters: number;
  /**
   * Multiply-accumulates of one sample (spiking networks: one time step); convolutions and linear layers only, as is usual.
   */
  readonly macs: number;
  /** Weights that pruning may set to zero. */
  readonly prunable: number;
}

export interface ModelSummary {
  readonly layers: readonly LayerSummary[];
  readonly input: Shape;
  readonly output: Shape;
  readonly parameters: number;
  readonly prunable: number;
  readonly macs: number;
}

/** Run forward on shapes alone. `input` is the shape of one sample, without the batch axis. Throws OpError if it does not fit. */
export function summarize(model: Module, input: Shape): ModelSummary {
  const layers: LayerSummary[] = [];
  const names = new Map<Module, string>();
  for (const [name, m] of model.namedModules()) names.set(m, name);
  const isLeaf = (m: Module) => [...m.namedModules()].length === 1;
  const leaves = [...names.keys()].filter(isLeaf);
  const training = [...names.keys()].map((m) => [m, m.training] as const);
  // A fused layer (batch norm with the next layer) is called through another method, so all of them are wrapped.
  const undo: (() => void)[] = [];
  for (const m of leaves) {
    for (const method of ["forward", "forwardRelu", "forwardAddRelu", "forwardConstant", "forwardBatchNorm"] as const) {
      const original = (m as unknown as Record<string, unknown>)[method];
      if (typeof original !== "function") continue;
      const own = Object.getOwnPropertyDescriptor(m, method); // a checkpointed module has one
      undo.push(() => (own ? Object.defineProperty(m, method, own) : Reflect.deleteProperty(m, method)));
      Object.defineProperty(m, method, {
        configurable: true,
        value: (...inputs: Tensor[]) => {
          const y = original.apply(m, inputs) as Tensor;
          layers.push(describe(names.get(m)!, m, y));
          return y;
        },
      });
    }
  }
  try {
    model.eval();
    const y = model.forward(metaTensor([1, ...input]));
    // Count over the model, not the layers: a layer may run twice, and a parameter may belong to no layer.
    const count = (list: readonly Parameter[]) => list.reduce((sum, p) => sum + p.numel, 0);
    const all = model.parameters();
    const macs = layers.reduce((sum, layer) => sum + layer.macs, 0);
    return {
      layers,
      input,
      output: y.shape,
      parameters: count(all),
      prunable: count(all.filter((p) => p.prunable)),
      macs,
    };
  } finally {
    for (const restore of undo) restore();
    for (const [m, mode] of training) m.training = mode;
  }
}

function describe(name: string, m: Module, y: Tensor): LayerSummary {
  const own = m.parameters();
  const parameters = own.reduce((sum, p) => sum + p.numel, 0);
  const prunable = own.reduce((sum, p) => sum + (p.prunable ? p.numel : 0), 0);
  let macs = 0;
  if (m instanceof Conv2d) macs = m.weight.numel * y.shape[2]! * y.shape[3]!;
  // Rows beyond the first axis are positions of one sample; the first is the batch, with time steps folded in.
  if (m instanceof Linear) macs = m.weight.numel * (y.numel / (y.shape[0]! * y.shape.at(-1)!));
  const output = m instanceof SpikingNode ? y.shape.slice(1) : [1, ...y.shape.slice(1)];
  return { name, type: m.constructor.name, output, parameters, macs, prunable };
}
