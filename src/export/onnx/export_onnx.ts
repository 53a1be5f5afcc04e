// Exports a model as an ONNX file: its ops in evaluation mode, its weights by state_dict name.
import { numberOf } from "../../autograd/index.ts";
import { OpError } from "../../gpu/index.ts";
import { LazyTensor, type Module, SpikingNode, type StateDict } from "../../nn/index.ts";
import { expectFinite, formatShape, type Shape, sameShape, type Tensor } from "../../tensor/index.ts";
import { expectKeys, type KeysOf } from "../../text/index.ts";
import { GraphBuilder } from "./graph.ts";
import { OpContext, type Rules } from "./rule.ts";
import { indexingRules } from "./rules_indexing.ts";
import { layerRules } from "./rules_layers.ts";
import { neuronRules, potentialNames } from "./rules_neurons.ts";
import { pointwiseRules } from "./rules_pointwise.ts";
import { shapeRules } from "./rules_shape.ts";
import { windowRules } from "./rules_windows.ts";
import type { SymbolicShape } from "./shape.ts";
import { type Trace, traceModel } from "./trace.ts";

const rules: Rules = {
  ...pointwiseRules,
  ...layerRules,
  ...windowRules,
  ...shapeRules,
  ...indexingRules,
  ...neuronRules,
};
const FAILED = "exportOnnx";
const [INPUT, OUTPUT] = ["input", "logits"];

export interface OnnxOptions {
  /** Shape of one input sample without the batch axis, [C, H, W]. */
  readonly input: Shape;
  /** Values by state_dict name: `await session.weights()` or `await model.stateDict()`. Zeros of pruned weights stay zero. */
  readonly weights: StateDict;
  /** Batch size: an integer >= 1, or "N" for a dynamic one. Default "N". */
  readonly batch?: "N" | number;
  /** Name of the graph. Default "espalier". */
  readonly name?: string;
  /** Texts that the file carries, by name: accuracy, sparsity, seed. */
  readonly metadata?: Readonly<Record<string, string>>;
}

const KEYS: KeysOf<OnnxOptions> = { input: true, weights: true, batch: true, name: true, metadata: true };

function checkOptions(options: OnnxOptions): void {
  expectKeys(options, KEYS, (problem) => new OpError(FAILED, problem));
  const { input, batch = "N" } = options;
  if (!Array.isArray(input) || input.length === 0 || !input.every((d) => Number.isInteger(d) && d >= 1))
    throw new OpError(FAILED, `input: expected the shape of one sample, [C, H, W], got ${JSON.stringify(input)}`);
  if (batch !== "N" && !(Number.isInteger(batch) && batch >= 1))
    throw new OpError(FAILED, `batch: expected "N" or an integer >= 1, got ${JSON.stringify(batch)}`);
}

function checkWeights(model: Module, weights: StateDict): void {
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

/** Write the nodes of every step. Each value is named after the module and op that computes it. */
function writeNodes(graph: GraphBuilder, trace: Trace, parameters: ReadonlyMap<Tensor, string>, weights: StateDict) {
  const names = new Map<Tensor, string>([[trace.input, INPUT]]);
  const nameOf = (t: Tensor | null, op: string, module: string): string | null => {
    if (!t) return null;
    const known = names.get(t);
    if (known !== undefined) return known;
    const number = numberOf(t);
    if (number !== undefined) return graph.scalar(number);
    const name = parameters.get(t);
    if (name === undefined) {
      const what = t instanceof LazyTensor ? "a parameter of another model" : "a tensor that is not a parameter";
      throw new OpError(FAILED, `${op} in ${module || "the model itself"} reads ${what}`, { input: t });
    }
    names.set(t, name);
    return graph.initializer(name, weights.get(name)?.data as Float32Array, t.shape);
  };
  for (const step of trace.steps) {
    const { op, module } = step;
    const shapeOf = (t: Tensor): SymbolicShape => {
      const shape = trace.shapes.get(t) ?? (parameters.has(t) ? t.shape : null);
      if (shape) return shape;
      const where = `${op} in ${module || "the model itself"}`;
      const problem = `${where}: expected sizes that are constant or a multiple of the batch; set \`batch\` to a number`;
      throw new OpError(FAILED, problem);
    };
    const rule = Object.hasOwn(rules, op) ? rules[op] : undefined;
    if (!rule) throw new OpError(FAILED, `${op} in ${module || "the model itself"} has no ONNX rule`);
    const inputs = step.inputs.map((t) => nameOf(t, op, module));
    graph.prefix = `/${module.replaceAll(".", "/")}`;
    const output = step.output === trace.output ? OUTPUT : graph.fresh(`${graph.prefix}/${op}`);
    graph.prefix = output;
    names.set(step.output, output);
    rule(new OpContext(graph, step, { inputs, output }, shapeOf));
  }
  const made = nameOf(trace.output, "the output", "");
  if (made !== OUTPUT) graph.node("Identity", [made], {}, OUTPUT);
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
 *           fixed: a graph for 224 pixels takes 224 pixels.
 * Spiking   one time step. Each layer of neurons adds an input `v_in.<module>` and an output `v_out.<module>`: its membrane
 *           potential. The caller starts from `v_rest` of the metadata, feeds outputs back, and averages the logits. "input" is
 *           one event frame; with an encoder, one step of the encoder's output.
 * Errors    OpError for an op without a rule (names op and module), for weights that are missing, unknown or of another
 *           shape, and for options out of range. NonFiniteError for a weight that is NaN or infinite.
 * Source    https://onnx.ai/onnx/operators, as of operator set 17.
 */
export function exportOnnx(model: Module, options: OnnxOptions): Uint8Array<ArrayBuffer> {
  checkOptions(options);
  const { input, weights, batch = "N", name = "espalier", metadata = {} } = options;
  checkWeights(model, weights);
  const trace = traceModel(model, input, batch === "N" ? null : batch);
  const parameters = new Map<Tensor, string>();
  for (const [path, t] of model.namedState()) if (!parameters.has(t)) parameters.set(t, path);
  const graph = new GraphBuilder(batch === "N" ? batch : null);
  const inputShape = trace.shapes.get(trace.input)!;
  graph.input(INPUT, inputShape);
  graph.fresh(OUTPUT);
  const outputShape = trace.shapes.get(trace.output) ?? (parameters.has(trace.output) ? trace.output.shape : null);
  if (outputShape) graph.output(OUTPUT, outputShape);
  // Before the next check: its error names the op.
  writeNodes(graph, trace, parameters, weights);
  if (!outputShape) {
    const problem = "output: expected sizes that are constant or a multiple of the batch; set `batch` to a number";
    throw new OpError(FAILED, problem);
  }
  const notes = spikingNotes(model, trace);
  return graph.encode({ name, doc: notes["step"] ?? "", metadata: { ...metadata, ...notes } });
}
