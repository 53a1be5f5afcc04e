// Chooses the layers of a traced network that compute with 8-bit integers, and the values that are rounded to them.
import type { TracedStep } from "../../nn/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { Trace } from "../onnx/trace.ts";

/** A convolution or linear layer in integers, with the batch norm after it. */
export interface Int8Layer {
  /** The op: conv2d or linear. Its inputs are x, weight and bias. */
  readonly step: TracedStep;
  /** Batch norm that is folded into weight and bias; null without one. */
  readonly norm: TracedStep | null;
}

/** Integer layers and rounded values of a network. */
export interface Int8Plan {
  readonly layers: ReadonlyMap<TracedStep, Int8Layer>;
  /** Batch norms that are part of a layer. */
  readonly folded: ReadonlySet<TracedStep>;
  /** Name of the scale of each rounded value. A value that an op only moves has the scale of its source. */
  readonly scaleOf: ReadonlyMap<Tensor, string>;
  /** Op that computes the values of each scale, and its index among the ops of that name; null is the network's input. */
  readonly measured: ReadonlyMap<string, { readonly key: string; readonly index: number } | null>;
}

/** Name of the scale of the network's input. */
export const INPUT_SCALE = "input";

/** Ops whose results are values of their input. */
const MOVES = new Set(["reshape", "flatten", "maxPool2d"]);
const NORMS = new Set(["batchNorm", "batchNormRelu"]);
const SUMS = new Set(["add", "addRelu"]);
const CLIPS = new Set(["relu", "relu6"]);

/** Return the name of an op and its module, under which runs of the network count it. */
export const opKey = (module: string, op: string): string => `${module || "model"}/${op}`;

class Planner {
  private readonly trace: Trace;
  private readonly makers = new Map<Tensor, TracedStep>();
  private readonly users = new Map<Tensor, TracedStep[]>();
  private readonly outputs: ReadonlySet<Tensor>;
  private readonly names = new Map<TracedStep, { name: string; key: string; index: number }>();
  readonly layers = new Map<TracedStep, Int8Layer>();
  readonly folded = new Set<TracedStep>();
  readonly scaleOf = new Map<Tensor, string>();
  readonly measured = new Map<string, { key: string; index: number } | null>();

  constructor(trace: Trace) {
    this.trace = trace;
    this.outputs = new Set(trace.outputs.map(([, t]) => t));
    const counts = new Map<string, number>();
    for (const step of trace.steps) {
      this.makers.set(step.output, step);
      for (const t of new Set(step.inputs)) if (t) this.users.set(t, [...(this.users.get(t) ?? []), step]);
      const key = opKey(step.module, step.op);
      const index = counts.get(key) ?? 0;
      counts.set(key, index + 1);
      this.names.set(step, { name: index === 0 ? key : `${key}_${index + 1}`, key, index });
    }
  }

  /** Return the only user of a value that is no output; null if there are others. */
  private onlyUser(t: Tensor): TracedStep | null {
    const users = this.users.get(t) ?? [];
    return users.length === 1 && !this.outputs.has(t) ? users[0]! : null;
  }

  /** Return the value after a ReLU that alone reads t, or t. */
  private clipped(t: Tensor): Tensor {
    const user = this.onlyUser(t);
    return user && CLIPS.has(user.op) ? user.output : t;
  }

  /** Follow ops that only move values back to the op that computes them. */
  private source(t: Tensor): Tensor {
    const maker = this.makers.get(t);
    return maker && MOVES.has(maker.op) ? this.source(maker.inputs[0]!) : t;
  }

  /** Give a computed value a scale, unless it is an output of the network, which stays exact. Returns true if it has one. */
  private round(t: Tensor): boolean {
    if (this.scaleOf.has(t)) return true;
    const maker = this.makers.get(t);
    if (this.outputs.has(t) || (!maker && !this.trace.inputs.some(([, input]) => input === t))) return false;
    const { name, ...at } = maker ? this.names.get(maker)! : { name: INPUT_SCALE };
    this.scaleOf.set(t, name);
    this.measured.set(name, maker ? (at as { key: string; index: number }) : null);
    return true;
  }

  /** Plan a convolution or linear layer; `isParameter` selects the tensors of the model. */
  layer(step: TracedStep, isParameter: (t: Tensor) => boolean): void {
    const [x, weight, bias] = step.inputs;
    if (!x || !weight || !isParameter(weight) || (bias && !isParameter(bias))) return;
    if (step.op === "linear" && x.shape.length !== 2) return;
    if (!this.round(this.source(x))) return;
    const next = this.onlyUser(step.output);
    const isFolded = next && NORMS.has(next.op) && next.inputs[0] === step.output;
    const norm = isFolded && next.inputs.slice(1).every((t) => !t || isParameter(t)) ? next : null;
    this.layers.set(step, { step, norm });
    if (norm) this.folded.add(norm);
    this.round(this.clipped((norm ?? step).output));
  }

  /** Round a sum of two branches. */
  sum(step: TracedStep): void {
    if (step.inputs.every((t) => t && t.shape.length > 0)) this.round(this.clipped(step.output));
  }

  /** Give values that ops only move the scale of their source. */
  spread(): void {
    for (const { op, inputs, output } of this.trace.steps) {
      const scale = MOVES.has(op) && inputs[0] ? this.scaleOf.get(inputs[0]) : undefined;
      if (scale !== undefined && !this.outputs.has(output)) this.scaleOf.set(output, scale);
    }
  }
}

/**
 * Plan the integer layers of a trace: every convolution and linear layer with weights of the model, as long as its input is no
 * output of the network. Rounded are the inputs and results of these layers, after batch norm and ReLU, and sums of two branches.
 * All other ops compute in float.
 */
export function planInt8(trace: Trace, isParameter: (t: Tensor) => boolean): Int8Plan {
  const planner = new Planner(trace);
  for (const step of trace.steps) if (step.op === "conv2d" || step.op === "linear") planner.layer(step, isParameter);
  if (planner.layers.size > 0) for (const step of trace.steps) if (SUMS.has(step.op)) planner.sum(step);
  planner.spread();
  return planner;
}
