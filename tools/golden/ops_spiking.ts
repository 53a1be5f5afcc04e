// Fixtures of spiking networks: neurons over time, encoders, and the functions that join the branches of a SEW block.
import {
  encodeDirect,
  encodeLatency,
  encodePoissonWith,
  encodeWeightedPhase,
  integrateAndFire,
  type LatencyFunction,
  lif,
  membranePotential,
  type NeuronKind,
  type NeuronOptions,
  plif,
  SURROGATES,
  type Surrogate,
  sewConnect,
} from "../../src/ops/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import type { Attrs } from "./attrs.ts";
import { type GoldenCase, tensorOf } from "./format.ts";
import { type Handler, type Handlers, type Inputs, input, runOp, runOutputs } from "./handler.ts";

/** Check that the attribute T equals the tensor's first axis. */
function checkSteps(attrs: Attrs, c: GoldenCase, name: string): void {
  const timeSteps = attrs.number("T");
  const [have] = tensorOf(c, name).shape;
  if (have !== timeSteps) throw new Error(`${name} has ${have} steps, attribute T says ${timeSteps}`);
}

function surrogateOf(attrs: Attrs): Surrogate {
  const name = attrs.word("surrogate", SURROGATES, "sigmoid");
  if (name === "piecewise_leaky_relu") return { name, width: attrs.number("w", 1), leak: attrs.number("c", 0.01) };
  return attrs.has("alpha") ? { name, alpha: attrs.number("alpha") } : { name };
}

/** Read the settings of a neuron from the attributes of a case or of its neurons. */
export function neuronAttributes(attrs: Attrs): NeuronOptions & { readonly neuron: NeuronKind } {
  const neuron = attrs.word("neuron", ["IF", "LIF", "PLIF"]);
  return {
    neuron,
    vThreshold: attrs.number("v_threshold", 1),
    vReset: attrs.isNull("v_reset") ? null : attrs.number("v_reset", 0),
    detachReset: attrs.boolean("detach_reset", false),
    surrogate: surrogateOf(attrs),
    ...(neuron === "IF" ? {} : { decayInput: attrs.boolean("decay_input", true) }),
    ...(neuron === "LIF" ? { tau: attrs.number("tau", 2) } : {}),
  };
}

const spikingNeuron: Handler = (attrs, c) => {
  checkSteps(attrs, c, "x");
  // The margin and the meaning of w do not affect the run.
  attrs.ignore("min_margin", "w_meaning");
  const { neuron, ...options } = neuronAttributes(attrs);
  const begin = (t: Inputs) => t["v_init"] ?? null;
  const w = (t: Inputs) => (neuron === "PLIF" ? input(t, "w") : null);
  const potential = (of: "h" | "v" | "last") => (t: Inputs) =>
    membranePotential(input(t, "x"), w(t), begin(t), { ...options, neuron, of });
  const spike = (t: Inputs): Tensor => {
    const x = input(t, "x");
    if (neuron === "PLIF") return plif(x, input(t, "w"), begin(t), options);
    return (neuron === "IF" ? integrateAndFire : lif)(x, begin(t), options);
  };
  const wantsLast = c.outputs.includes("v_last") || c.upstream.includes("grad_v_last");
  return () =>
    runOutputs(c, {
      spike,
      h_seq: potential("h"),
      v_seq: potential("v"),
      ...(wantsLast ? { v_last: potential("last") } : {}),
    });
};

const latency = (rule: LatencyFunction): Handler => {
  return (attrs, c) => {
    const timeSteps = attrs.number("T");
    return () => runOp(c, (t) => encodeLatency(input(t, "x"), { timeSteps, function: rule }));
  };
};

export const spikingHandlers: Handlers = {
  spiking_neuron: spikingNeuron,
  encode_direct(attrs, c) {
    const timeSteps = attrs.number("T");
    return () => runOp(c, (t) => encodeDirect(input(t, "x"), { timeSteps }));
  },
  encode_poisson(attrs, c) {
    checkSteps(attrs, c, "u");
    return () => runOp(c, (t) => encodePoissonWith(input(t, "x"), input(t, "u")));
  },
  encode_latency_linear: latency("linear"),
  encode_latency_log: latency("log"),
  encode_weighted_phase(attrs, c) {
    const timeSteps = attrs.number("T");
    return () => runOp(c, (t) => encodeWeightedPhase(input(t, "x"), { timeSteps }));
  },
  sew_connect(attrs, c) {
    const connect = attrs.word("connect", ["ADD", "AND", "IAND"]);
    attrs.ignore("formula");
    return () => runOp(c, (t) => sewConnect(input(t, "identity"), input(t, "out"), { connect }));
  },
};
