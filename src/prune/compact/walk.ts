// Follows the channels of a model through the ops of its trace: which belong together, which are constant, who reads them.
import {
  BatchNorm2d,
  Conv2d,
  Linear,
  type Module,
  type ModuleTrace,
  type StateDict,
  type TracedStep,
} from "../../nn/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { ChannelSets } from "./channel_sets.ts";
import { constantOutputs, type LayerUse, type LayerWeights } from "./layers.ts";
import type { Layout } from "./layout.ts";
import type { PadsChannels } from "./pads_channels.ts";

/** A use of a batch norm. */
export interface NormUse {
  readonly path: string;
  readonly module: BatchNorm2d;
  readonly ids: Int32Array;
  /** Layer whose output it alone reads; null if there is none. */
  readonly layer: LayerUse | null;
}

/** A block that adds channels of zeros. */
export interface PadUse {
  readonly path: string;
  readonly module: PadsChannels;
  readonly before: Int32Array;
  readonly after: Int32Array;
}

/** Name of a step for messages. */
export const placeOf = ({ op, module }: TracedStep): string => `${op} in ${module || "the model itself"}`;

interface WalkParts {
  readonly inputs: readonly Tensor[];
  readonly weights: StateDict;
  readonly training: boolean;
}

interface Owner {
  readonly path: string;
  readonly module: Module;
}

/** Parameters and their modules, and how often ops use them. */
export class Walk {
  readonly sets = new ChannelSets();
  readonly layouts = new Map<Tensor, Layout>();
  readonly layers: LayerUse[] = [];
  readonly norms: NormUse[] = [];
  readonly pads: PadUse[] = [];
  readonly modules: ReadonlyMap<string, Module>;
  readonly trace: ModuleTrace;
  /** True if the smaller model is trained on. */
  readonly training: boolean;
  private readonly weights: StateDict;
  private readonly owners = new Map<Tensor, Owner>();
  private readonly names = new Map<Tensor, string>();
  private readonly uses = new Map<Tensor, number>();
  private readonly madeBy = new Map<Tensor, LayerUse>();
  /** Tensors that depend on the network's input. */
  private readonly live: Set<Tensor>;

  constructor(model: Module, trace: ModuleTrace, { inputs, weights, training }: WalkParts) {
    this.training = training;
    this.modules = new Map(model.namedModules());
    this.trace = trace;
    this.weights = weights;
    this.live = new Set(inputs);
    for (const [path, module] of this.modules) {
      if (!(module instanceof Conv2d || module instanceof Linear || module instanceof BatchNorm2d)) continue;
      for (const t of [module.weight, module.bias, (module as { running_mean?: Tensor }).running_mean])
        if (t && !this.owners.has(t)) this.owners.set(t, { path, module });
    }
    for (const [name, t] of model.namedState()) this.names.set(t, name);
    for (const { inputs: all } of trace.steps)
      for (const t of all) if (t) this.uses.set(t, (this.uses.get(t) ?? 0) + 1);
  }

  /** Return the values of a parameter or buffer; null for any other tensor. */
  valuesOf(t: Tensor | null | undefined): Float32Array | null {
    const name = t && this.names.get(t);
    return name ? (this.weights.get(name)!.data as Float32Array) : null;
  }

  /** Return the only use's owner of a weight; null if the weight is used twice or by no known layer. */
  private ownerOf(t: Tensor | null | undefined): Owner | null {
    return t && this.uses.get(t) === 1 ? (this.owners.get(t) ?? null) : null;
  }

  layoutOf(t: Tensor | null | undefined): Layout | null {
    return (t && this.layouts.get(t)) || null;
  }

  /** Record the result of a step. */
  note(step: TracedStep, layout: Layout | null): void {
    const { inputs, output } = step;
    const constant = layout?.values.every((v) => !Number.isNaN(v));
    if (!constant && inputs.some((t) => t && this.live.has(t))) this.live.add(output);
    if (layout) this.layouts.set(output, layout);
    else for (const t of inputs) this.keep(t, `${placeOf(step)} reads them, an op that compaction does not cross`);
  }

  /** Keep all channels of a tensor. */
  keep(t: Tensor | null | undefined, reason: string): void {
    const layout = this.layoutOf(t);
    if (layout) this.sets.pin(layout.ids, reason);
  }

  isLive(t: Tensor): boolean {
    return this.live.has(t);
  }

  /** Return the use of a convolution or linear layer, with new channels for its outputs; null if it is not a plain one. */
  layerOf(step: TracedStep, axis: number, layer: Omit<LayerWeights, "weight" | "bias">): LayerUse | null {
    const [x, weight, bias = null] = step.inputs;
    const owner = this.ownerOf(weight);
    const { module } = owner ?? {};
    if (!owner || !(module instanceof Conv2d || module instanceof Linear)) return null;
    if (module.weight !== weight || module.bias !== bias || (bias && this.uses.get(bias) !== 1)) return null;
    const found = this.layoutOf(x);
    const input = found?.axis === axis ? found : null;
    if (!input) this.keep(x, `${placeOf(step)} reads them along another axis`);
    const own: LayerWeights = { ...layer, weight: this.valuesOf(weight)!, bias: this.valuesOf(bias) };
    const outputs = weight.shape[0]!;
    const each = outputs / layer.groups;
    const depthwise = layer.groups > 1 && layer.groupInputs === 1;
    let output = this.sets.fresh(outputs);
    if (depthwise && input) output = output.map((_, o) => input.ids[Math.floor(o / each)]!);
    else if (depthwise) this.sets.pin(output, `${placeOf(step)} has unknown inputs, each with separate outputs`);
    const values = constantOutputs(own, outputs, input?.values ?? null);
    const use = { path: owner.path, module, input, output, values, depthwise, ...own };
    this.layers.push(use);
    this.madeBy.set(step.output, use);
    return use;
  }

  /** Record the use of a batch norm; null if it is not a plain one. */
  normOf(step: TracedStep, parameters: readonly (Tensor | null)[], ids: Int32Array): BatchNorm2d | null {
    const [weight, bias, mean, variance] = parameters;
    const owner = this.ownerOf(mean);
    if (!owner || !(owner.module instanceof BatchNorm2d)) return null;
    const { module, path } = owner;
    const isPlain = module.weight === weight && module.bias === bias && module.running_var === variance;
    if (!isPlain || parameters.some((t) => t && this.uses.get(t) !== 1)) return null;
    const x = step.inputs[0]!;
    const layer = this.uses.get(x) === 1 ? (this.madeBy.get(x) ?? null) : null;
    this.norms.push({ path, module, ids, layer });
    return module;
  }
}
