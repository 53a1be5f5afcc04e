// Batch norm, a residual's addition and ReLU in the sparse product before them, for inference: found in a trace of the model.
import { noGrad } from "../autograd/index.ts";
import { batchNorm } from "../ops/batch_norm.ts";
import { runningStatistics } from "../ops/norm/passes.ts";
import type { OutputScales, SparseWeight } from "../ops/sparse/sparse_weight.ts";
import { copyInto, metaTensor, persistent, Scope, type Shape, Tensor, zeros } from "../tensor/index.ts";
import { ReLU } from "./activation.ts";
import { Conv2d } from "./conv.ts";
import { Linear } from "./linear.ts";
import type { Module } from "./module.ts";
import { BatchNorm2d } from "./norm.ts";
import { overrideMethod, type TracedStep, traceModule, type Undo } from "./trace_steps.ts";

/** Modules whose work a sparse product can contain. */
export type Follower = BatchNorm2d | InstanceType<typeof ReLU>;

/** Ops of followers, by the op of their layer. */
const ENDS: Readonly<Record<string, readonly string[]>> = {
  conv2d: ["batchNorm", "batchNormRelu", "batchNormAddRelu", "relu", "addRelu"],
  linear: ["batchNorm", "batchNormRelu", "relu"],
};

/** Row of the scales in the statistics of a batch norm (shaders/lib/batch_statistics.wgsl). */
const SCALE_ROW = 4;

/** Count how often each is there. */
function countOf<T>(all: Iterable<T>): ReadonlyMap<T, number> {
  const counts = new Map<T, number>();
  for (const one of all) counts.set(one, (counts.get(one) ?? 0) + 1);
  return counts;
}

/**
 * Find the batch norm or ReLU that alone reads a layer's result, for layers and followers that run once. `sample`: shape of an
 * input without its batch axis.
 */
export function findFollowers(model: Module, sample: Shape): ReadonlyMap<Module, Follower> {
  const { steps, result } = traceModule(model, [metaTensor([1, ...sample])]);
  const found = new Map<Module, Follower>();
  if (!(result instanceof Tensor)) return found;
  const modules = new Map(model.namedModules());
  const uses = countOf([result, ...steps.flatMap(({ inputs }) => inputs.filter((t) => t !== null))]);
  const runs = countOf(steps.map(({ module }) => module));
  const readers = new Map(steps.map((step) => [step.inputs[0], step]));
  const once = ({ module }: TracedStep) => (runs.get(module) === 1 ? modules.get(module) : undefined);
  for (const step of steps) {
    const layer = once(step);
    const reader = readers.get(step.output);
    if (!(layer instanceof Conv2d || layer instanceof Linear) || !reader || uses.get(step.output) !== 1) continue;
    if (layer.weight !== step.inputs[1] || uses.get(layer.weight) !== 1) continue;
    const follower = once(reader);
    if (!ENDS[step.op]?.includes(reader.op) || !(follower instanceof BatchNorm2d || follower instanceof ReLU)) continue;
    // Channels of a linear map are its last axis, those of a batch norm the second.
    if (follower instanceof BatchNorm2d && step.op === "linear" && step.output.shape.length !== 2) continue;
    found.set(layer, follower);
  }
  return found;
}

/** End of a sparse product. */
export interface End {
  readonly residual: Tensor | null;
  readonly relu: boolean;
}

/** The work of a follower, in the sparse product of its layer. */
export class Ending {
  private readonly follower: Follower;
  /** Bias of the product: that of the layer through batch norm; null without batch norm. */
  private readonly shift: Tensor | null;
  private readonly undo: readonly Undo[];
  private readonly run: (x: Tensor, end: End) => Tensor;
  /** Input of the layer whose result, without data, the follower gets next. */
  private waiting: { readonly x: Tensor; readonly y: Tensor } | null = null;

  /** `run` computes the layer with its end. */
  constructor(follower: Follower, outputs: number, run: (x: Tensor, end: End) => Tensor) {
    this.follower = follower;
    this.run = run;
    const isNorm = follower instanceof BatchNorm2d;
    this.shift = isNorm && !follower.folded ? persistent(new Float32Array(outputs), [outputs]) : null;
    const methods = isNorm ? { forward: false, forwardRelu: true, forwardAddRelu: true } : { forward: true };
    this.undo = Object.entries(methods).map(([name, relu]) => this.replace(name, relu));
  }

  private replace(name: string, relu: boolean): Undo {
    const { follower } = this;
    const original = (follower as unknown as Record<string, (...inputs: unknown[]) => Tensor>)[name]!;
    return overrideMethod(follower, name, (x: Tensor, residual: Tensor | null = null): Tensor => {
      const { waiting } = this;
      if (waiting?.y !== x) return residual ? original.call(follower, x, residual) : original.call(follower, x);
      this.waiting = null;
      return this.run(waiting.x, { residual, relu });
    });
  }

  /** True if the follower computes the map that `refresh` read. */
  get isFixed(): boolean {
    const { follower } = this;
    return !(follower instanceof BatchNorm2d) || (!follower.training && follower.observer === null);
  }

  /** Return the result's shape without data: the follower runs the product. */
  defer(x: Tensor, shape: Shape): Tensor {
    const y = metaTensor(shape, x.dtype);
    this.waiting = { x, y };
    return y;
  }

  /** Return the bias of the product. */
  biasOf(layer: Conv2d | Linear): Tensor | null {
    return this.shift ?? layer.bias;
  }

  /** Compute weights and bias of the product from those of the layer and of the batch norm, in stream order. */
  refresh(layer: Conv2d | Linear, weight: SparseWeight): void {
    const { follower, shift } = this;
    if (!shift || !(follower instanceof BatchNorm2d)) {
      weight.refresh(layer.weight);
      return;
    }
    using _scope = new Scope();
    const { weight: w, bias, running_mean, running_var, eps } = follower;
    const [channels] = shift.shape as [number];
    const numbers = runningStatistics({ weight: w, bias }, { mean: running_mean, variance: running_var }, eps);
    const scales: OutputScales = { numbers, first: SCALE_ROW * channels };
    weight.refresh(layer.weight, scales);
    const own = layer.bias?.alias([1, channels], false) ?? zeros([1, channels]);
    copyInto(
      shift,
      noGrad(() => batchNorm(own, w, bias, running_mean, running_var, { eps })),
    );
  }

  /** Give the follower its methods back. */
  dispose(): void {
    for (const undo of this.undo) undo();
    this.shift?.dispose();
  }
}
