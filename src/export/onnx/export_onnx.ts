// Exports a model as an ONNX file: its ops in evaluation mode, its weights by state_dict name.
import { numberOf } from "../../autograd/index.ts";
import { OpError } from "../../gpu/index.ts";
import { type InputShapes, LazyTensor, type Module, SpikingNode, type StateDict } from "../../nn/index.ts";
import { expectFinite, formatShape, sameShape, type Tensor } from "../../tensor/index.ts";
import { expectKeys, isRecord, type KeysOf, kindOf, quote } from "../../text/index.ts";
import type { Int8Calibration } from "../int8/calibrate.ts";
import { separateSums } from "../int8/network.ts";
import { GraphBuilder } from "./graph.ts";
import { expectInt8, IntegerLayers } from "./integers.ts";
import { type OnnxRule, OpContext, type Rule, type Rules } from "./rule.ts";
import { indexingRules } from "./rules_indexing.ts";
import { layerRules } from "./rules_layers.ts";
import { lossRules } from "./rules_losses.ts";
import { neuronRules, potentialNames } from "./rules_neurons.ts";
import { normRules } from "./rules_norm.ts";
import { pointwiseRules } from "./rules_pointwise.ts";
import { shapeRules } from "./rules_shape.ts";
import { windowRules } from "./rules_windows.ts";
import type { OnnxShape } from "./shape.ts";
import { type Trace, traceModel } from "./trace.ts";

const builtIn: Rules = {
  ...pointwiseRules,
  ...layerRules,
  ...normRules,
  ...lossRules,
  ...windowRules,
  ...shapeRules,
  ...indexingRules,
  ...neuronRules,
};
const FAILED = "exportOnnx";

/** Options of `exportOnnx`. */
export interface OnnxOptions {
  /**
   * Shape of one input sample without the batch axis, [C, H, W]. Several inputs: one entry for each argument of forward, in an
   * array (graph inputs input0, input1, ...) or in an object (graph inputs named by its keys). Integers: `metaTensor([16], "i32")`.
   */
  readonly input: InputShapes;
  /** Values by state_dict name: `await session.weights()` or `await model.stateDict()`. Zeros of pruned weights stay zero. */
  readonly weights: StateDict;
  /** Batch size: an integer >= 1, or "N" for a dynamic one. Default "N". */
  readonly batch?: "N" | number;
  /** Name of the graph. Default "espalier". */
  readonly name?: string;
  /** Texts that the file carries, by name: accuracy, sparsity, seed. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** f16: weights and computations in half the memory; inputs and outputs stay f32. Not for spiking networks. Default f32. */
  readonly precision?: "f32" | "f16";
  /**
   * Result of `calibrateInt8`: convolutions and linear layers compute with 8-bit integers, batch norms after them are folded into
   * their weights. Not for spiking networks. Default: none.
   */
  readonly int8?: Int8Calibration;
  /** Rules for ops of your own, by the name in defineOp. A rule for an op of the engine replaces the built-in one. */
  readonly rules?: Readonly<Record<string, OnnxRule>>;
}

const KEYS: KeysOf<OnnxOptions> = {
  ...{ input: true, weights: true, batch: true, name: true },
  ...{ metadata: true, precision: true, int8: true, rules: true },
};

function checkOptions(options: OnnxOptions): void {
  expectKeys(options, KEYS, (problem) => new OpError(FAILED, problem));
  const { batch = "N", precision = "f32", rules = {} } = options;
  if (precision !== "f32" && precision !== "f16")
    throw new OpError(FAILED, `precision: expected f32 or f16, got ${precision}`);
  if (batch !== "N" && !(Number.isInteger(batch) && batch >= 1))
    throw new OpError(FAILED, `batch: expected "N" or an integer >= 1, got ${JSON.stringify(batch)}`);
  if (options.int8 !== undefined) expectInt8(options.int8, precision);
  if (!isRecord(rules)) throw new OpError(FAILED, "rules: expected an object of functions by op name");
  for (const [op, rule] of Object.entries(rules)) {
    if (typeof rule !== "function")
      throw new OpError(FAILED, `rules: ${op}: expected a function that writes the op's nodes, got ${kindOf(rule)}`);
  }
}

/** Refuse weights that f16 does not hold. */
function expectHalves(weights: StateDict): void {
  for (const [name, { data }] of weights) {
    const most = (data as Float32Array).reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    if (most >= 65520)
      throw new OpError(FAILED, `precision: ${name}: expected numbers up to 65504 for f16, got ${most}`);
  }
}

function checkWeights(model: Module, weights: StateDict): void {
  if (!(weights instanceof Map))
    throw new OpError(FAILED, `weights: expected the result of await model.stateDict(), got ${quote(weights)}`);
  const problems: string[] = [];
  const state = new Map(model.namedState());
  for (const [name, t] of state) {
    const given = weights.get(name);
    if (!given) problems.push(`${name} is missing`);
    else if (!sameShape(given.shape, t.shape))
      problems.push(`${name}: expected ${formatShape(t.shape)}, got ${formatShape(given.shape)}`);
    else if (!(given.data instanceof Float32Array) || given.data.length !== t.numel)
      problems.push(`${name}: expected ${t.numel} float32 values`);
  }
  for (const name of weights.keys())
    if (!state.has(name) && !name.endsWith("num_batches_tracked")) problems.push(`${name} is unknown`);
  if (problems.length === 0) expectFinite(FAILED, weights);
  else throw new OpError(FAILED, `weights do not fit the model: ${problems.join("; ")}`);
}

const whereIs = (module: string) => module || "the model itself";

function ruleFor(op: string, module: string, own: Readonly<Record<string, OnnxRule>>): Rule {
  if (Object.hasOwn(own, op)) return own[op]!;
  const rule = Object.hasOwn(builtIn, op) ? builtIn[op] : undefined;
  if (rule) return rule;
  const key = /^[A-Za-z_$][\w$]*$/.test(op) ? op : JSON.stringify(op);
  const problem = `${op} in ${whereIs(module)} has no ONNX rule; write one: exportOnnx(model, { rules: { ${key}: (op) => ... } })`;
  throw new OpError(FAILED, problem);
}

/** Parts of an export that every node may read. */
interface Export {
  readonly graph: GraphBuilder;
  readonly trace: Trace;
  /** Names of the model's parameters and buffers. */
  readonly parameters: ReadonlyMap<Tensor, string>;
  readonly weights: StateDict;
  readonly rules: Readonly<Record<string, OnnxRule>>;
  readonly integers: IntegerLayers | null;
}

/** Write the ReLU of a batch norm that is folded into the layer before it. */
const reluAlone: Rule = (c) => c.end("Relu", c.inputs);

/** Write the nodes of every step. Each value is named after the module and op that computes it. */
function writeNodes({ graph, trace, parameters, weights, rules, integers }: Export): void {
  const names = new Map<Tensor, string>(trace.inputs.map(([name, t]) => [t, graph.entry(name, t.dtype)]));
  const outputNames = new Map<Tensor, string>();
  for (const [name, t] of trace.outputs) if (!outputNames.has(t) && graph.isExit(t.dtype)) outputNames.set(t, name);
  const nameOf = (t: Tensor | null, op: string, module: string): string | null => {
    if (!t) return null;
    const known = names.get(t);
    if (known !== undefined) return known;
    const number = numberOf(t);
    if (number !== undefined) return graph.scalar(number);
    const name = parameters.get(t);
    if (name === undefined) {
      const what = t instanceof LazyTensor ? "a parameter of another model" : "a tensor that is not a parameter";
      throw new OpError(FAILED, `${op} in ${whereIs(module)} reads ${what}`, { input: t });
    }
    names.set(t, name);
    return graph.initializer(name, weights.get(name)?.data as Float32Array, t.shape);
  };
  const keep = (t: Tensor, name: string) => names.set(t, integers?.rounded(t, name) ?? name);
  for (const [t, name] of [...names]) keep(t, name);
  for (const step of trace.steps) {
    const { op, module } = step;
    const folded = integers?.replaces(step);
    if (folded) {
      keep(step.output, names.get(folded)!);
      continue;
    }
    const shapeOf = (t: Tensor): OnnxShape => {
      const shape = trace.shapes.get(t) ?? (parameters.has(t) ? t.shape : null);
      if (shape) return shape;
      const where = `${op} in ${whereIs(module)}`;
      const problem = `${where}: expected sizes that are constant or a multiple of the batch; set \`batch\` to a number`;
      throw new OpError(FAILED, problem);
    };
    const rule = integers?.isFolded(step) ? reluAlone : ruleFor(op, module, rules);
    graph.prefix = `/${module.replaceAll(".", "/")}`;
    const output = outputNames.get(step.output) ?? graph.fresh(`${graph.prefix}/${op}`);
    graph.prefix = output;
    const inputs =
      integers?.inputsOf(step, (t) => nameOf(t, op, module)) ?? step.inputs.map((t) => nameOf(t, op, module));
    const context = new OpContext(graph, step, { inputs, output }, shapeOf);
    rule(context);
    keep(step.output, output);
    if (Object.hasOwn(rules, op) && !context.ended)
      context.fail("expected the rule to call end, which adds the last node");
  }
  for (const [name, t] of trace.outputs) {
    const made = nameOf(t, "the output", "");
    if (made !== name) graph.exit(made!, name, t.dtype);
  }
}

/** Add the graph's inputs and outputs. Returns the outputs whose shape is unknown. */
function writeEnds({ graph, trace, parameters }: Export): string[] {
  const taken = new Set(parameters.values());
  const add = (kind: string, name: string) => {
    if (!taken.has(name)) taken.add(name);
    else throw new OpError(FAILED, `${kind} ${name}: expected a name that no other input, output or parameter has`);
  };
  for (const [name, t] of trace.inputs) {
    add("input", name);
    graph.input(name, trace.shapes.get(t)!, t.dtype);
  }
  const unknown: string[] = [];
  for (const [name, t] of trace.outputs) {
    add("output", name);
    graph.fresh(name);
    const shape = trace.shapes.get(t) ?? (parameters.has(t) ? t.shape : null);
    if (shape) graph.output(name, shape, t.dtype);
    else unknown.push(name);
  }
  return unknown;
}

/** Return the metadata of a spiking graph: initial potentials and the number of time steps. */
function spikingNotes(model: Module, { spiking, timeSteps }: Trace): Record<string, string> {
  if (!spiking) return {};
  const rest: Record<string, number> = {};
  for (const [path, m] of model.namedModules())
    if (m instanceof SpikingNode) rest[potentialNames(path || "model").before] = m.config.vReset ?? 0;
  return {
    step: "one time step: feed each v_out to its v_in at the next, begin at v_rest, average the logits over the steps",
    v_rest: JSON.stringify(rest),
    ...(timeSteps === null ? {} : { time_steps: String(timeSteps) }),
  };
}

/**
 * Export the model as an ONNX file (operator set 17, format 8) in evaluation mode: batch norm with running statistics, no
 * dropout or stochastic depth. Does not change the model and needs no GPU.
 *
 * Graph     "input" [N, C, H, W] -> "logits"; initializers are named as in the state_dict. All sizes but the batch are
 *           fixed: a graph for 224 pixels takes 224 pixels. Several outputs are output0, output1, ..., or named by the keys of
 *           the object that forward returns.
 * Precision with precision f16, initializers and values are float16; the graph converts its inputs and outputs, which are float.
 * Integers  with int8, values and weights are int8 between QuantizeLinear and DequantizeLinear, biases int32: weights symmetric with one
 *           scale per output channel, values with a scale and the integer of 0 per tensor. Inputs and outputs stay float.
 * Spiking   one time step. Each layer of neurons adds an input `v_in.<module>` and an output `v_out.<module>`: its membrane
 *           potential. The caller starts from `v_rest` of the metadata, feeds outputs back, and averages the logits. "input" is
 *           one event frame; with an encoder, one step of the encoder's output.
 * Errors    OpError for an op without a rule (names op and module), for weights that are missing, unknown or of another
 *           shape, and for options out of range. NonFiniteError for a weight that is NaN or infinite.
 * Source    https://onnx.ai/onnx/operators, as of operator set 17.
 *
 * @example
 * const model = new Sequential([new Linear(4, 3), new Softplus()]);
 * const weights = await model.stateDict();
 * const bytes = exportOnnx(model, { input: [4], weights, metadata: { accuracy: "0.98" } });
 * console.log(bytes.length); // a file for any ONNX runtime
 */
export function exportOnnx(model: Module, options: OnnxOptions): Uint8Array<ArrayBuffer> {
  checkOptions(options);
  const {
    input,
    weights,
    batch = "N",
    name = "espalier",
    metadata = {},
    precision = "f32",
    int8,
    rules = {},
  } = options;
  checkWeights(model, weights);
  if (precision === "f16") expectHalves(weights);
  const trace = traceModel(model, input, batch === "N" ? null : batch, int8 ? separateSums : undefined);
  const parameters = new Map<Tensor, string>();
  for (const [path, t] of model.namedState()) if (!parameters.has(t)) parameters.set(t, path);
  if (precision === "f16" && trace.spiking)
    throw new OpError(FAILED, "precision: expected f32 for a spiking network, whose potentials are f32, got f16");
  if (int8 && trace.spiking) throw new OpError(FAILED, "int8: expected a network without spiking neurons");
  const graph = new GraphBuilder(batch === "N" ? batch : null, precision);
  const integers = int8 ? new IntegerLayers(graph, trace, int8, { parameters, weights }) : null;
  const parts: Export = { graph, trace, parameters, weights, rules, integers };
  const unknown = writeEnds(parts);
  // Before the next check: its error names the op.
  writeNodes(parts);
  if (unknown.length > 0) {
    const problem = "output: expected sizes that are constant or a multiple of the batch; set `batch` to a number";
    throw new OpError(FAILED, problem);
  }
  const notes = spikingNotes(model, trace);
  const kind: Record<string, string> = precision === "f16" || int8 ? { precision: int8 ? "int8" : precision } : {};
  return graph.encode({ name, doc: notes["step"] ?? "", metadata: { ...metadata, ...kind, ...notes } });
}
