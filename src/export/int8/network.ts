// A network as its integer layers see it: traced with each sum as a separate op.
import { OpError } from "../../gpu/index.ts";
import { BatchNorm2d, type InputShapes, type Module, overrideMethod, SpikingNode, type Undo } from "../../nn/index.ts";
import { add } from "../../ops/binary.ts";
import { relu } from "../../ops/unary.ts";
import type { Tensor } from "../../tensor/index.ts";
import { type Trace, traceModel } from "../onnx/trace.ts";
import { type Int8Plan, planInt8 } from "./plan.ts";

/** Make a batch norm add and clip in separate ops, so that each value is rounded. Returns functions that undo this. */
export function separateSums(m: Module): Undo[] {
  if (!(m instanceof BatchNorm2d)) return [];
  return [overrideMethod(m, "forwardAddRelu", (x: Tensor, residual: Tensor) => relu(add(m.forward(x), residual)))];
}

/** Return the tensors of a model by name, without duplicates. */
export function parametersOf(model: Module): Map<Tensor, string> {
  const parameters = new Map<Tensor, string>();
  for (const [path, t] of model.namedState()) if (!parameters.has(t)) parameters.set(t, path);
  return parameters;
}

/** Trace a model and plan its integer layers. Errors: OpError for a spiking network, and if no layer has weights for integers. */
export function int8Network(op: string, model: Module, input: InputShapes): { trace: Trace; plan: Int8Plan } {
  for (const [name, m] of model.namedModules())
    if (m instanceof SpikingNode)
      throw new OpError(
        op,
        `expected a network without spiking neurons, got ${name || "the model"}, a ${m.constructor.name}`,
      );
  const trace = traceModel(model, input, 2, separateSums);
  return { trace, plan: checkedPlan(op, trace, parametersOf(model)) };
}

/** Plan the integer layers of a trace. Errors: OpError for a weight in two layers, or no layer at all. */
export function checkedPlan(op: string, trace: Trace, parameters: ReadonlyMap<Tensor, string>): Int8Plan {
  const plan = planInt8(trace, (t) => parameters.has(t));
  if (plan.layers.size === 0) throw new OpError(op, "expected a convolution or linear layer with weights, got none");
  const seen = new Set<Tensor>();
  for (const { inputs } of plan.layers.keys()) {
    const weight = inputs[1]!;
    if (seen.has(weight))
      throw new OpError(op, `${parameters.get(weight)}: expected a weight of one layer, got one of two`);
    seen.add(weight);
  }
  return plan;
}
