// Exports a spiking network as a NIR graph: one node per layer, batch norm folded into the layer before it.
import { OpError } from "../../gpu/index.ts";
import type { NirGraph, NirNode } from "../../io/index.ts";
import type { InputShapes, Module, StateDict, TracedStep } from "../../nn/index.ts";
import { expectFinite, formatShape, type Shape, sameShape, type Tensor } from "../../tensor/index.ts";
import { expectKeys, type KeysOf, quote } from "../../text/index.ts";
import { parametersOf } from "../int8/network.ts";
import { type Trace, traceModel } from "../onnx/trace.ts";
import { integers } from "./numbers.ts";
import { type NirOp, nirRules } from "./rules.ts";

const FAILED = "exportNir";
/** Samples of the trace, a number that is unlikely to be a size of a layer. */
const BATCH = 7;

/** Options of `exportNir`. */
export interface NirOptions {
  /** Shape of one input sample, [C, H, W] or [F]; for event frames, all frames. */
  readonly input: Shape;
  /** Values by state_dict name. */
  readonly weights: StateDict;
  /** Seconds of a time step, in which NIR's time constants are. Default 1: they are in steps. */
  readonly dt?: number;
  /** Notes in the file, by name. */
  readonly metadata?: Readonly<Record<string, string>>;
}

const KEYS: KeysOf<NirOptions> = { input: true, weights: true, dt: true, metadata: true };

function checkWeights(model: Module, weights: StateDict): void {
  if (!(weights instanceof Map))
    throw new OpError(FAILED, `weights: expected the result of await model.stateDict(), got ${quote(weights)}`);
  for (const [name, t] of model.namedState()) {
    const given = weights.get(name);
    if (!given || !sameShape(given.shape, t.shape) || !(given.data instanceof Float32Array)) {
      const got = given ? formatShape(given.shape) : "none";
      throw new OpError(FAILED, `weights: ${name}: expected float32 values ${formatShape(t.shape)}, got ${got}`);
    }
  }
  expectFinite(FAILED, weights);
}

/** Return the shape of a sample of a traced value, without the one time step and the batch. */
function sampleOf(t: Tensor): Shape {
  const { shape } = t;
  if (shape[0] === BATCH) return shape.slice(1);
  return shape[0] === 1 && shape[1] === BATCH ? shape.slice(2) : shape;
}

class NirBuilder {
  readonly nodes = new Map<string, NirNode>();
  readonly edges: [string, string][] = [];
  private readonly values = new Map<Tensor, readonly string[]>();
  private readonly users = new Map<Tensor, TracedStep[]>();
  private readonly parameters: ReadonlyMap<Tensor, string>;
  private readonly options: Required<Pick<NirOptions, "weights" | "dt">>;

  constructor(trace: Trace, parameters: ReadonlyMap<Tensor, string>, options: NirBuilder["options"]) {
    this.parameters = parameters;
    this.options = options;
    for (const step of trace.steps)
      for (const t of new Set(step.inputs)) if (t) this.users.set(t, [...(this.users.get(t) ?? []), step]);
    const [[, x], ...others] = trace.inputs as [[string, Tensor], ...unknown[]];
    const [[, y], ...more] = trace.outputs as [[string, Tensor], ...unknown[]];
    if (others.length + more.length > 0) throw new OpError(FAILED, "expected a network of one input and one output");
    const names = { input: "input", output: "output" };
    this.nodes.set(names.input, { type: "Input", params: { shape: integers(sampleOf(x)) } });
    // Reserve the name: nodes of the file are in this order.
    this.nodes.set(names.output, { type: "Output", params: { shape: integers(sampleOf(y)) } });
    this.values.set(x, [names.input]);
    for (const step of trace.steps) this.add(step);
    for (const from of this.sourcesOf(y, null)) this.edges.push([from, names.output]);
  }

  private sourcesOf(t: Tensor | null | undefined, step: TracedStep | null): readonly string[] {
    const found = t && this.values.get(t);
    if (found) return found;
    const where = step ? `${step.op} in ${step.module || "the model"}` : "the output";
    throw new OpError(FAILED, `${where}: expected values of the network's layers, got others`);
  }

  /** Return the batch norm that alone reads the result of a layer; null for another op. */
  private normAfter(step: TracedStep): TracedStep | null {
    const users = this.users.get(step.output) ?? [];
    const isLayer = step.op === "conv2d" || step.op === "linear";
    return isLayer && users.length === 1 && users[0]!.op === "batchNorm" && users[0]!.inputs[0] === step.output
      ? users[0]!
      : null;
  }

  private add(step: TracedStep): void {
    if (this.values.has(step.output)) return; // a folded batch norm
    const { op, module } = step;
    const fail = (problem: string): never => {
      throw new OpError(FAILED, `${op} in ${module || "the model"}: ${problem}`);
    };
    const rule = Object.hasOwn(nirRules, op) ? nirRules[op]! : fail("NIR has no node for it");
    const norm = this.normAfter(step);
    const context: NirOp = {
      ...{ step, norm, dt: this.options.dt, fail },
      shapeOf: sampleOf,
      valuesOf: (t) => {
        const name = this.parameters.get(t);
        return name === undefined
          ? fail("reads a tensor that is not a parameter")
          : (this.options.weights.get(name)!.data as Float32Array);
      },
      sources: (i = 0) => this.sourcesOf(step.inputs[i], step),
      node: (node, from, label) => this.node(node, from, module || label || op),
    };
    const made = rule(context);
    this.values.set(step.output, made);
    if (norm) this.values.set(norm.output, made);
  }

  private node(node: NirNode, from: readonly string[], base: string): readonly string[] {
    let name = base;
    for (let i = 2; this.nodes.has(name); i++) name = `${base}_${i}`;
    this.nodes.set(name, node);
    for (const source of from) this.edges.push([source, name]);
    return [name];
  }
}

/**
 * Export a network as a NIR graph, for neuromorphic chips and their simulators: `writeNir` of `@espalier/node` makes the file.
 * Does not change the model and needs no GPU.
 *
 * Nodes     Input, Output, Conv2d, Affine or Linear (without bias), IF, LIF, AvgPool2d, Flatten, named after the modules. Batch norm is
 *           folded into the layer before it. Branches that add up are edges into one node. Pruned weights are zeros.
 * Time      by forward Euler with steps of `dt` the graph computes as the engine: tau · dt is NIR's time constant, r is 1, or tau if
 *           the leak does not act on the input, 1 / dt for IF. NIR fires above v_threshold, the engine also at its
 *           threshold: the file has the float32 number below. Potentials start at v_reset. The graph has one time step: average the output
 *           over the steps, as the network does.
 * Errors    OpError naming op and module for what NIR lacks: soft reset, max pooling, ReLU, joins other than ADD, batch norm without
 *           a layer before it; and for weights or options out of range.
 * Source    Pedersen et al. 2024, "Neuromorphic intermediate representation: a unified instruction set for interoperable brain-inspired
 *           computing"; https://neuroir.org.
 * @example
 * const model = new Sequential([new Linear(4, 3), new IFNode()]);
 * const graph = exportNir(model, { input: [4], weights: await model.stateDict() });
 * console.log([...graph.nodes.keys()].join(" ")); // input output 0 1
 */
export function exportNir(model: Module, options: NirOptions): NirGraph {
  expectKeys(options, KEYS, (problem) => new OpError(FAILED, problem));
  const { input, weights, dt = 1, metadata = {} } = options;
  if (!(dt > 0 && Number.isFinite(dt))) throw new OpError(FAILED, `dt: expected a number > 0, got ${dt}`);
  checkWeights(model, weights);
  const trace = traceModel(model, [...input] as InputShapes, BATCH);
  const { nodes, edges } = new NirBuilder(trace, parametersOf(model), { weights, dt });
  const steps = trace.timeSteps === null ? {} : { time_steps: String(trace.timeSteps) };
  return {
    nodes,
    edges,
    metadata: { ...metadata, ...steps, dt: String(dt), readout: "mean of the output over the steps" },
  };
}
