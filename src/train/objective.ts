// The loss of a step, and what is measured beside it: correct predictions and metrics.
import { noGrad } from "../autograd/index.ts";
import { OpError } from "../gpu/index.ts";
import { cast } from "../ops/cast.ts";
import { countCorrect } from "../ops/count_correct.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { type DType, persistent, Tensor } from "../tensor/index.ts";
import { isRecord, kindOf } from "../text/index.ts";
import { Meter, type StepMetrics } from "./meter.ts";

/**
 * Computes the loss of a batch, a scalar [], from the model's outputs and the targets: [N] class numbers as i32, or [N, ...target]
 * numbers as f32. It is recorded once and replayed: numbers of the host in it are frozen.
 */
// biome-ignore lint/suspicious/noExplicitAny: a model may have any outputs
export type LossFunction = (outputs: any, targets: Tensor) => Tensor;

/** Computes a metric of a batch, a scalar [], as a LossFunction does. No gradient flows through it. */
export type MetricFunction = LossFunction;

/** A metric that is no mean over the samples: functions whose means are, and the metric's value from those means by name. */
export interface CompoundMetric {
  readonly parts: Readonly<Record<string, MetricFunction>>;
  readonly value: (means: Readonly<Record<string, number>>) => number;
}

/** A metric: a function whose mean over the samples counts, or parts with a value. */
export type Metric = MetricFunction | CompoundMetric;

/** Metrics by name. */
export type Metrics = Readonly<Record<string, Metric>>;

/** Means over samples, by the names of `functionsOf`. */
type Means = Readonly<Record<string, number>>;

/** Return the functions of metrics by name; those of a compound metric are "name part". */
function functionsOf(metrics: Metrics): ReadonlyMap<string, MetricFunction> {
  const all = Object.entries(metrics).flatMap(([name, metric]): [string, MetricFunction][] =>
    typeof metric === "function"
      ? [[name, metric]]
      : Object.entries(metric.parts).map(([part, f]) => [`${name} ${part}`, f]),
  );
  return new Map(all);
}

/** Return the metrics from the means of their functions. */
export function metricValues(metrics: Metrics, means: Means): Record<string, number> {
  const one = (name: string, metric: Metric): number => {
    if (typeof metric === "function") return means[name] ?? Number.NaN;
    const own = Object.keys(metric.parts).map((part) => [part, means[`${name} ${part}`] ?? Number.NaN]);
    return metric.value(Object.fromEntries(own));
  };
  return Object.fromEntries(Object.entries(metrics).map(([name, metric]) => [name, one(name, metric)]));
}

export interface ObjectiveOptions {
  /** Default: cross entropy of logits [N, C] and class numbers. */
  readonly loss?: LossFunction | undefined;
  readonly metrics?: Metrics | undefined;
  /** Label smoothing of the default loss. Default 0. */
  readonly labelSmoothing?: number | undefined;
  /** Type of the targets, and the class count if known. Default: class numbers. */
  readonly target?: { readonly dtype: DType; readonly classes?: number | undefined } | undefined;
}

/** Numbers of a record: the step, the first non-finite loss, the samples, and the part if the batch is split. */
export interface MeteredStep {
  readonly step: Tensor;
  readonly guard: Tensor;
  readonly samples: number;
  readonly part?: Tensor | undefined;
  /** State of the loss scale, if there is one. */
  readonly scale?: Tensor | undefined;
}

/** Values of a step with those of its metrics. */
export interface MeasuredStep extends StepMetrics {
  readonly metrics: Readonly<Record<string, number>>;
}

/** Computes and records loss, accuracy and metrics of steps, of which the latest `slots` can be read. */
export class Objective {
  readonly slots: number;
  private readonly name: string;
  private readonly options: ObjectiveOptions;
  private readonly meter: Meter;
  private readonly functions: ReadonlyMap<string, MetricFunction>;
  private readonly meters: ReadonlyMap<string, Meter>;
  /** Bound where no predictions are counted. */
  private readonly none: Tensor;
  /** Guard of the metrics: a metric that is not finite stops nothing. */
  private readonly unguarded: Tensor;
  private counts: boolean;

  /** `name`: of the step, for messages. */
  constructor(name: string, options: ObjectiveOptions, slots?: number) {
    checkObjective(name, options);
    this.name = name;
    this.options = options;
    this.counts = options.target?.dtype !== "f32";
    this.meter = new Meter(slots);
    this.slots = this.meter.slots;
    this.functions = functionsOf(options.metrics ?? {});
    this.meters = new Map([...this.functions.keys()].map((key) => [key, new Meter(this.slots)]));
    this.none = persistent(new Float32Array(1), [1]);
    this.unguarded = persistent(Uint32Array.of(0), [1]);
  }

  /**
   * True if correct predictions are counted: the outputs are [N, C] and the targets class numbers; with a custom loss, C is at
   * least 2. Known after the first step.
   */
  get countsCorrect(): boolean {
    return this.counts;
  }

  /** Enqueue loss and metrics of a batch and their records. Returns the loss. Throws OpError for a loss that is not a scalar. */
  measure(outputs: unknown, targets: Tensor, { step, guard, samples, part, scale }: MeteredStep): Tensor {
    const loss = this.loss(outputs, targets);
    this.counts = targets.dtype === "i32" && targets.shape.length === 1 && isLogits(outputs, this.options.loss ? 2 : 1);
    const correct = this.counts ? countCorrect(outputs as Tensor, targets) : this.none;
    this.meter.record({ loss, correct, step, guard, samples, part, scale });
    noGrad(() => {
      for (const [key, meter] of this.meters) {
        const value = scalarOf(`${this.name}: metric ${key}`, this.functions.get(key)!(outputs, targets));
        meter.record({ loss: value, correct: this.none, step, guard: this.unguarded, samples, part });
      }
    });
    return loss;
  }

  private loss(outputs: unknown, targets: Tensor): Tensor {
    const { loss, labelSmoothing = 0, target } = this.options;
    if (loss) return scalarOf(`${this.name}: loss`, loss(outputs, targets));
    if (!(outputs instanceof Tensor) || outputs.shape.length !== 2) {
      const given = outputs instanceof Tensor ? { logits: outputs } : {};
      const got = outputs instanceof Tensor ? "" : `, got ${kindOf(outputs)}`;
      throw new OpError(this.name, `model: expected logits [N, C]${got}; another model requires a custom loss`, given);
    }
    const [, given] = outputs.shape as [number, number];
    if (given < (target?.classes ?? 0)) {
      const problem = `model: expected at least ${target!.classes} outputs, one per class of the data, got ${given}`;
      throw new OpError(this.name, problem);
    }
    return crossEntropy(outputs, targets, { labelSmoothing });
  }

  /** Tensors to read for `pick`: the rings of the loss and of the metrics. */
  get rings(): Tensor[] {
    return [this.meter.ring, ...[...this.meters.values()].map((meter) => meter.ring)];
  }

  /** Return the steps [first, end) from the values of `rings`. */
  pick(rings: readonly ArrayLike<number>[], first: number, end: number): MeasuredStep[] {
    const names = [...this.meters.keys()];
    const values = [...this.meters.values()].map((meter, i) => meter.pick(rings[i + 1]!, first, end));
    return this.meter.pick(rings[0]!, first, end).map((step, k) => {
      const metrics = Object.fromEntries(names.map((key, i) => [key, values[i]![k]!.loss]));
      return { ...step, metrics };
    });
  }

  dispose(): void {
    for (const part of [this.meter, ...this.meters.values(), this.none, this.unguarded]) part.dispose();
  }
}

const isLogits = (outputs: unknown, classes: number): outputs is Tensor =>
  outputs instanceof Tensor && outputs.shape.length === 2 && outputs.shape[1]! >= classes;

/** Return a value as it is if it is a tensor of one number. */
function scalarOf(what: string, value: unknown): Tensor {
  if (!(value instanceof Tensor)) throw new OpError(what, `expected a scalar tensor, got ${kindOf(value)}`);
  if (value.numel !== 1) throw new OpError(what, "expected a scalar []: use mean or sum", { value });
  return value.dtype === "f16" ? cast(value, "f32") : value;
}

/** Check that loss and metrics are functions. Throws OpError. */
export function checkObjective(name: string, { loss, metrics = {}, labelSmoothing = 0 }: ObjectiveOptions): void {
  const refuse = (what: string, given: unknown) =>
    new OpError(name, `${what}: expected a function of outputs and targets, got ${kindOf(given)}`);
  if (loss !== undefined && typeof loss !== "function") throw refuse("loss", loss);
  if (loss !== undefined && labelSmoothing !== 0)
    throw new OpError(name, `labelSmoothing: expected 0 beside a custom loss, got ${labelSmoothing}`);
  if (!isRecord(metrics))
    throw new OpError(name, `metrics: expected an object of functions by name, got ${kindOf(metrics)}`);
  for (const [key, metric] of Object.entries(metrics)) {
    const isCompound = isRecord(metric) && isRecord(metric["parts"]) && typeof metric["value"] === "function";
    const functions: unknown[] = isCompound ? Object.values((metric as CompoundMetric).parts) : [metric];
    const wrong = functions.findIndex((f) => typeof f !== "function");
    if (wrong >= 0) throw refuse(`metrics: ${key}`, functions[wrong]);
  }
}
