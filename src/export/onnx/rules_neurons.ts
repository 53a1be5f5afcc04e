// ONNX rules for one time step of spiking neurons, with the membrane potential as an extra input and output. Same arithmetic
// as shaders/lib/lif.wgsl.
import { type NeuronKind, type NeuronOptions, resolveNeuron } from "../../ops/spiking/neuron.ts";
import type { OpContext, Rule, Rules } from "./rule.ts";

/** Return the names of the input and output for the potential of a layer. */
export const potentialNames = (path: string) => ({ before: `v_in.${path}`, after: `v_out.${path}` });

/** Write the potential before firing: H = V + (rest - V) · leak + X · gain. */
function charge(c: OpContext, kind: NeuronKind, v: string, x: string): string {
  const { graph } = c;
  const { params } = resolveNeuron(c.step.op, kind, c.options<NeuronOptions>());
  if (kind === "IF") return c.add("Add", [v, x]);
  const k = kind === "PLIF" ? c.add("Sigmoid", [c.inputs[1]!]) : graph.scalar(params.k);
  const towards = c.add("Mul", [c.add("Sub", [graph.scalar(params.rest), v]), k]);
  const leaked = c.add("Add", [v, towards]);
  return c.add("Add", [leaked, params.decay_input === 1 ? c.add("Mul", [x, k]) : x]);
}

function neuron(kind: NeuronKind): Rule {
  return (c) => {
    const { graph, step } = c;
    const { timeSteps, ...options } = c.options<NeuronOptions>();
    const { smooth, params } = resolveNeuron(step.op, kind, options);
    if (smooth) c.fail("smooth firing is for gradient checks only");
    if (step.inputs[2]) c.fail("an initial potential (v0) cannot be exported");
    const constant = timeSteps !== undefined;
    if (c.outputShape[0] !== 1) c.fail("expected one time step: build the model with timeSteps 1");
    const one = c.outputShape.slice(1);
    // A scalar state has no batch axis; a layer that runs twice has two states.
    const { before, after } = potentialNames(step.module || "model");
    const v = graph.fresh(before);
    const next = v.replace(before, after);
    graph.input(v, one);
    const x = constant ? c.x : c.reshape(c.x, one);
    const h = charge(c, kind, v, x);
    const fires = c.add("GreaterOrEqual", [c.add("Sub", [h, graph.scalar(params.threshold)]), graph.scalar(0)]);
    const reset = params.keep === 1 ? c.add("Add", [h, graph.scalar(params.to)]) : graph.scalar(params.to);
    graph.node("Where", [fires, reset, h], {}, next);
    graph.output(next, one);
    const spikes = c.add("Cast", [fires], { to: { int: 1 } }); // 1: float32
    c.reshape(spikes, c.outputShape, c.output);
  };
}

export const neuronRules: Rules = { integrateAndFire: neuron("IF"), lif: neuron("LIF"), plif: neuron("PLIF") };
