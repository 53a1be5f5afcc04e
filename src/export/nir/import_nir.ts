// Builds a network from a NIR graph: its layers by the names of the nodes, run step by step along the edges.
import { OpError } from "../../gpu/index.ts";
import type { NirGraph, NirNode } from "../../io/index.ts";
import { DirectEncoder, foldTime, Module, SpikingNode, unfoldTime } from "../../nn/index.ts";
import { add } from "../../ops/binary.ts";
import { mean } from "../../ops/sum.ts";
import { formatShape, type Shape, sameShape, type Tensor } from "../../tensor/index.ts";
import { expectKeys, type KeysOf } from "../../text/index.ts";
import { type ImportNirOptions, integersOf, layerOf, nodeFail } from "./layers.ts";

const FAILED = "importNir";

const KEYS: KeysOf<ImportNirOptions> = { timeSteps: true, dt: true, surrogate: true, detachReset: true };

/** Return the nodes of a kind; there must be one. */
function only(graph: NirGraph, type: string): [string, NirNode] {
  const found = [...graph.nodes].filter(([, node]) => node.type === type);
  if (found.length === 1) return found[0]!;
  throw new OpError(FAILED, `expected one ${type} node, got ${found.length}`);
}

/** Return the sources of every node, by name. Errors: OpError for an edge of an unknown node, or given twice. */
function sourcesOf({ nodes, edges }: NirGraph): Map<string, string[]> {
  const sources = new Map<string, string[]>([...nodes.keys()].map((name) => [name, []]));
  for (const [from, to] of edges) {
    for (const name of [from, to])
      if (!nodes.has(name)) throw new OpError(FAILED, `edge from ${from} to ${to}: there is no node ${name}`);
    const into = sources.get(to)!;
    if (into.includes(from)) throw new OpError(FAILED, `edge from ${from} to ${to}: expected one, got two`);
    into.push(from);
  }
  for (const [name, node] of nodes)
    if (node.type !== "Input" && sources.get(name)!.length === 0)
      nodeFail(name, node, "expected an edge into it, got none");
  return sources;
}

/** Sort the nodes so that each follows its sources. Errors: OpError for a recurrent graph. */
function ordered({ nodes, edges }: NirGraph, sources: ReadonlyMap<string, readonly string[]>): string[] {
  const waiting = new Map([...sources].map(([name, from]) => [name, from.length]));
  const targets = new Map<string, string[]>([...nodes.keys()].map((name) => [name, []]));
  for (const [from, to] of edges) targets.get(from)!.push(to);
  const order = [...nodes.keys()].filter((name) => waiting.get(name) === 0);
  // The list grows while it is read.
  for (const name of order)
    for (const target of targets.get(name)!) {
      waiting.set(target, waiting.get(target)! - 1);
      if (waiting.get(target) === 0) order.push(target);
    }
  const open = [...nodes].find(([name]) => !order.includes(name));
  if (open) nodeFail(...open, "expected a graph without cycles, got one through this node");
  return order;
}

/**
 * A network made of a NIR graph. x is a batch of samples, the same at every time step, [N, ...], or a sequence [T, N, ...]; the output is the mean
 * over the steps. The state_dict has the names of the nodes.
 */
export class NirNetwork extends Module<[x: Tensor], Tensor> {
  /** Shape of one sample. */
  readonly sample: Shape;
  private readonly layers: ReadonlyMap<string, Module>;
  private readonly order: readonly string[];
  private readonly sources: ReadonlyMap<string, readonly string[]>;
  private readonly ends: { readonly input: string; readonly output: string };

  constructor(graph: NirGraph, options: ImportNirOptions) {
    super();
    const [input, inputNode] = only(graph, "Input");
    const [output] = only(graph, "Output");
    this.ends = { input, output };
    this.sample = integersOf(input, inputNode, "shape");
    this.sources = sourcesOf(graph);
    this.order = ordered(graph, this.sources);
    const { timeSteps = Number(graph.metadata["time_steps"] ?? 4), ...rest } = options;
    const layers = new Map<string, Module>([[input, new DirectEncoder({ timeSteps })]]);
    for (const [name, node] of graph.nodes)
      if (name !== input && name !== output) layers.set(name, layerOf(name, node, rest));
    this.layers = layers;
  }

  /** @internal */
  protected override get childOwner(): object {
    return this.layers;
  }

  forward(x: Tensor): Tensor {
    return mean(this.steps(x), { axes: [0] });
  }

  /** Return the output at every time step, [T, N, ...]. */
  steps(x: Tensor): Tensor {
    const { input, output } = this.ends;
    const isSequence = sameShape(x.shape.slice(2), this.sample);
    if (!isSequence && !sameShape(x.shape.slice(1), this.sample))
      throw new OpError("NirNetwork", `expected samples ${formatShape(this.sample)}`, { x });
    const values = new Map([[input, isSequence ? x : (this.layers.get(input)!.forward(x) as Tensor)]]);
    for (const name of this.order) {
      if (name === input) continue;
      const [first, ...others] = this.sources.get(name)!.map((source) => values.get(source)!);
      const current = others.reduce((sum, value) => add(sum, value), first!);
      values.set(name, name === output ? current : this.run(this.layers.get(name)!, current));
    }
    return values.get(output)!;
  }

  private run(layer: Module, x: Tensor): Tensor {
    if (layer instanceof SpikingNode) return layer.forward(x);
    return unfoldTime(layer.forward(foldTime(x)) as Tensor, x.shape[0]!);
  }
}

/**
 * Build a network from a NIR graph, such as `readNir` of `@espalier/node` reads: Conv2d, Affine, Linear, IF, LIF, SumPool2d, AvgPool2d and Flatten, also
 * in branches that add up. It trains, prunes and exports as any model.
 *
 * Neurons   one value per layer for each parameter. v_leak must be v_reset. Another resistance than the engine's is a threshold divided by it.
 * Errors    OpError naming the node: an unknown kind, parameters of other shapes, neurons that differ within a layer, a recurrent graph.
 * @example
 * const model = new Sequential([new Linear(4, 3), new IFNode()]);
 * const graph = exportNir(model, { input: [4], weights: await model.stateDict() });
 * const copy = importNir(graph, { timeSteps: 8 });
 * console.log(copy.forward(zeros([2, 4])).shape); // 2, 3
 */
export function importNir(graph: NirGraph, options: ImportNirOptions = {}): NirNetwork {
  expectKeys(options, KEYS, (problem) => new OpError(FAILED, problem));
  return new NirNetwork(graph, options);
}
