// The loss and the metrics of a recipe for its data, and the score that chooses the best model.
import {
  betterOf,
  defaultMetrics,
  isArrays,
  type LossFunction,
  type LossName,
  type MetricName,
  type Metrics,
  namedLoss,
  namedMetrics,
  numel,
  type Score,
  type SessionSamples,
  type TargetFormat,
} from "../internal.ts";
import type { TableInfo } from "../tables/index.ts";

/** Loss and metrics as a session takes them, and their names. */
export interface Objective {
  readonly lossName: LossName;
  /** Absent: cross-entropy, the default of a session. */
  readonly loss: LossFunction | undefined;
  readonly metrics: Metrics | undefined;
  readonly score: Score;
}

/** Return the count of outputs that a network for this data has: its classes, or the numbers of a target. */
export const outputsOf = (data: SessionSamples): number =>
  data.classes.length > 0 || !isArrays(data) ? data.classes.length : numel(data.targetShape);

/** Return the format of a target of arrays, for a plan; empty for images. */
export const targetOf = (data: SessionSamples): { readonly target?: TargetFormat } =>
  isArrays(data) ? { target: { shape: data.targetShape, dtype: data.classes.length > 0 ? "i32" : "f32" } } : {};

/** Names in a recipe, or in a model file. */
interface Named {
  readonly loss?: string | undefined;
  readonly metrics?: readonly string[] | undefined;
}

/** Return the loss of data, by its name or by the targets. */
export const lossOf = ({ loss }: Named, data: SessionSamples): LossName =>
  (loss as LossName | undefined) ?? (data.classes.length > 0 ? "cross-entropy" : "mse");

/** Make loss, metrics and score. Errors: ArgumentError for a loss or a metric that the targets do not have. */
export function objectiveOf(named: Named, data: SessionSamples, table?: TableInfo): Objective {
  const lossName = lossOf(named, data);
  const classes = data.classes.length;
  const facts = { classes, outputs: outputsOf(data), scale: table?.y?.std };
  const names =
    (named.metrics as MetricName[] | undefined) ?? defaultMetrics(lossName, classes > 0 ? "classes" : "numbers");
  const metrics = namedMetrics(names, facts);
  const metric = names[0]!;
  return {
    lossName,
    loss: namedLoss(lossName, facts),
    metrics: Object.keys(metrics).length > 0 ? metrics : undefined,
    score: { metric, better: betterOf(metric) },
  };
}
