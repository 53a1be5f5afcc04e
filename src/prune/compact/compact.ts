// Makes a pruned model smaller: removes dead channels and neurons, and folds batch norm.
import { expectOptions, OpError } from "../../gpu/index.ts";
import { type InputShapes, type Module, metaInputs, type StateDict, traceModule } from "../../nn/index.ts";
import { formatShape, sameShape, type Tensor, tensorsOf } from "../../tensor/index.ts";
import { type KeysOf, quote } from "../../text/index.ts";
import { applyCompaction, type CompactSizes } from "./description.ts";
import { findRemoval } from "./removal.ts";
import { type CompactedLayer, type KeptChannels, keptChannels, layerRows } from "./report.ts";
import { rewrite } from "./rewrite.ts";
import { inputLayout, RULES } from "./rules.ts";
import { Walk } from "./walk.ts";

const FAILED = "compact";
/** Batch size of the trace: one that hardly divides the sizes of a layer. */
const BATCH = 7;

/** Options of `compact`. */
export interface CompactOptions {
  /** Shape of one sample without the batch axis, [C, H, W], as for `summarize`. */
  readonly sample: InputShapes;
  /** True (default): each batch norm becomes part of the convolution or linear layer before it. */
  readonly fold?: boolean;
}

/** Options of `planCompaction`. */
export interface CompactionOptions extends CompactOptions {
  /** Values by state_dict name: `await model.stateDict()`, or those of a file. */
  readonly weights: StateDict;
}

/** A smaller model with the same outputs, and how it came about. */
export interface Compaction {
  /** Values by the state_dict names of the smaller model. */
  readonly weights: StateDict;
  /** Sizes of the layers that changed, for `applyCompaction`; of plain numbers, for the metadata of a file. */
  readonly sizes: CompactSizes;
  /** Convolutions and linear layers in the order of the forward pass. */
  readonly layers: readonly CompactedLayer[];
  /** Dead channels that stay, with the reason. */
  readonly kept: readonly KeptChannels[];
}

const KEYS: KeysOf<CompactOptions> = { sample: true, fold: true };
const PLAN_KEYS: KeysOf<CompactionOptions> = { ...KEYS, weights: true };

function checkWeights(model: Module, weights: StateDict): void {
  if (!(weights instanceof Map))
    throw new OpError(FAILED, `weights: expected the result of await model.stateDict(), got ${quote(weights)}`);
  for (const [name, t] of model.namedState()) {
    const given = weights.get(name);
    if (!given) throw new OpError(FAILED, `weights: expected ${name}, got none`);
    if (!sameShape(given.shape, t.shape)) {
      const shapes = `expected ${formatShape(t.shape)}, got ${formatShape(given.shape)}`;
      throw new OpError(FAILED, `weights: ${name}: ${shapes}`);
    }
  }
}

/** Name the layers that give constants to a network without live outputs. */
function deadNetwork(walk: Walk): never {
  const empty = walk.layers.filter(({ weight }) => weight.every((v) => v === 0));
  const constant = walk.layers.filter(({ values }) => values.every((v) => !Number.isNaN(v)));
  const dead = (empty.length > 0 ? empty : constant).map(({ path }) => path);
  const shown = dead.length > 4 ? [...dead.slice(0, 4), `${dead.length - 4} more`] : dead;
  const problem = `the network is dead: its outputs are the same for every input; layers without live outputs: ${shown.join(", ") || "none"}`;
  throw new OpError(FAILED, problem);
}

/** Options of a walk. */
interface WalkOptions extends Pick<CompactionOptions, "sample" | "weights"> {
  /** True: the channels that go are not needed in training either. */
  readonly training?: boolean;
}

/** Follow the channels of the model through its trace. `isDead`: its outputs do not depend on the input. */
export function walkModel(model: Module, options: WalkOptions): { readonly walk: Walk; readonly isDead: boolean } {
  const { sample, weights, training = false } = options;
  const { inputs, tensors } = metaInputs(FAILED, sample, BATCH);
  const given = tensors.map(([, t]) => t);
  const trace = traceModule(model, inputs);
  const walk = new Walk(model, trace, { inputs: given, weights, training });
  for (const t of given) {
    const layout = inputLayout(t, walk);
    if (layout) walk.layouts.set(t, layout);
  }
  for (const step of trace.steps) {
    const rule = Object.hasOwn(RULES, step.op) ? RULES[step.op]! : () => null;
    walk.note(step, rule(step, walk));
  }
  const outputs = tensorsOf(trace.result).map(([, t]): Tensor => t);
  for (const t of outputs) walk.keep(t, "they are outputs of the network");
  return { walk, isDead: !outputs.some((t) => walk.isLive(t)) };
}

/**
 * Plan a smaller model with the same outputs in evaluation mode, without a change of the model and without a GPU. See `compact`.
 *
 * Errors    OpError for a shape that does not fit, for weights that are missing or misshapen, and for a dead network: one whose
 *           outputs do not depend on its input.
 */
export function planCompaction(model: Module, options: CompactionOptions): Compaction {
  expectOptions("planCompaction", options, PLAN_KEYS);
  const { weights, fold = true } = options;
  checkWeights(model, weights);
  const { walk, isDead } = walkModel(model, options);
  if (isDead) deadNetwork(walk);
  const removal = findRemoval(walk);
  const state: StateDict = new Map([...model.namedState()].map(([name]) => [name, weights.get(name)!]));
  return {
    ...rewrite(walk, removal, state, fold),
    layers: layerRows(walk, removal),
    kept: keptChannels(walk, removal),
  };
}

/**
 * Make a pruned model smaller, in place: fewer channels and neurons, the same outputs in evaluation mode up to rounding. Waits for
 * the GPU.
 *
 * A channel is removed if nothing reads it, or if it is constant and a bias can replace it: all of its weights are zero, or batch
 * norm, ReLU or neurons make it constant. Channels that are added (residual blocks), multiplied (squeeze and excitation) or
 * read by a depthwise convolution are removed together or not at all. A constant other than zero stays before a convolution
 * that pads its input: the border would change. Channels that another op reads stay.
 *
 * With `fold`, batch norm becomes part of the layer before it, and the model is one for inference. Optimisers, captured steps and
 * sessions of the model end with it: make new ones.
 *
 * Errors    those of `planCompaction`.
 *
 * @example
 * const model = new Sequential([new Linear(4, 3), new ReLU(), new Linear(3, 2)]);
 * const [first] = model.parameters();
 * first!.set(new Float32Array([1, 2, 3, 4, 0, 0, 0, 0, 5, 6, 7, 8])); // the second neuron is dead
 * const { layers } = await compact(model, { sample: [4] });
 * console.log(layers.map(({ outputs }) => outputs.join(" -> "))); // 3 -> 2, 2 -> 2
 */
export async function compact(model: Module, options: CompactOptions): Promise<Compaction> {
  expectOptions("compact", options, KEYS);
  const plan = planCompaction(model, { ...options, weights: await model.stateDict() });
  applyCompaction(model, plan.sizes);
  model.loadStateDict(plan.weights);
  return plan;
}
