// Converts the records of a training run to TensorBoard events: the tag of each number.
import type { StateDict } from "../../nn/index.ts";
import type { EpochRecord, RunRecord, StepRecord } from "../../train/index.ts";
import type { EventValue, TensorBoardEvent } from "./events.ts";
import { histogram } from "./histogram.ts";

/** Shorten "layer1.0.conv1.weight" to "layer1.0.conv1": only weights are pruned. */
const layerOf = (name: string) => name.replace(/\.weight$/, "");

const scalars = (values: Readonly<Record<string, number | null | undefined>>): EventValue[] =>
  Object.entries(values).flatMap(([tag, scalar]) => (typeof scalar === "number" ? [{ tag, scalar }] : []));

/** Leave out an accuracy that was not counted, as for targets that are numbers. */
const counted = (accuracy: number): number | null => (Number.isNaN(accuracy) ? null : accuracy);

/** Return the metrics of a record by tag: "rmse/test". */
const metricsOf = (metrics: Readonly<Record<string, number>> = {}, part: "train" | "test") =>
  Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`${name}/${part}`, value]));

function stepValues(r: StepRecord): EventValue[] {
  return scalars({
    "loss/train": r.loss,
    "accuracy/train": counted(r.accuracy),
    ...metricsOf(r.metrics, "train"),
    "sparsity/total": r.sparsity,
    "sparsity/groups": r.groupSparsity,
    lr: r.lr,
    threshold: r.threshold,
    lambda: r.lambda,
    "lambda_parts/effective": r.lambdaEffective,
    "lambda_parts/decay": r.lambdaDecay,
    "lambda_parts/total": r.lambdaTotal,
    loss_scale: r.lossScale,
    skipped_steps: r.skippedSteps,
  });
}

function epochValues(r: EpochRecord): EventValue[] {
  const values = scalars({
    epoch: r.epoch,
    "loss/train_epoch": r.loss,
    "accuracy/train_epoch": counted(r.accuracy),
    "loss/test": r.testLoss,
    "accuracy/test": counted(r.testAccuracy),
    ...metricsOf(r.metrics, "test"),
    "loss/test_raw": r.rawTestLoss,
    "accuracy/test_raw": r.rawTestAccuracy === undefined ? undefined : counted(r.rawTestAccuracy),
    "accuracy/test_soft_gates": r.softAccuracy,
    // The step record of the same step holds sparsity/total and the threshold; these masks are the tested ones.
    "sparsity/tested": r.sparsity,
    "sparsity/groups_tested": r.groupSparsity,
    "mask/pruned": r.pruned,
    "mask/regrown": r.regrown,
    "mask/changes": r.changes,
    seconds_per_epoch: r.seconds,
  });
  for (const { name, weights, zeros, threshold } of r.layers) {
    const layer = layerOf(name);
    values.push({ tag: `sparsity/${layer}`, scalar: weights === 0 ? 0 : zeros / weights });
    if (threshold !== null) values.push({ tag: `threshold_of/${layer}`, scalar: threshold });
  }
  return values;
}

/**
 * Convert one record of `fit` to an event at its step. `wallTime` in seconds since 1970; `more`: further numbers of the host, by
 * tag.
 */
export function tensorboardEvents(
  record: RunRecord,
  wallTime: number,
  more: Readonly<Record<string, number>> = {},
): TensorBoardEvent[] {
  const { step } = record;
  const values = record.kind === "step" ? stepValues(record) : epochValues(record);
  return [{ wallTime, step, values: [...values, ...scalars(more)] }];
}

/** Convert weights to histograms, `weights/<layer>` for each tensor of two or more axes, zeros included. */
export function weightEvents(weights: StateDict, step: number, wallTime: number): TensorBoardEvent[] {
  const values = [...weights].flatMap(([name, { data, shape }]): EventValue[] =>
    shape.length < 2 ? [] : [{ tag: `weights/${layerOf(name)}`, histogram: histogram(data) }],
  );
  return values.length === 0 ? [] : [{ wallTime, step, values }];
}
