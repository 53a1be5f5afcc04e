// A training run's records as TensorBoard shows them: which number stands under which tag.
import type { StateDict } from "../../nn/index.ts";
import type { EpochRecord, RunRecord, StepRecord } from "../../train/index.ts";
import type { EventValue, TensorBoardEvent } from "./events.ts";
import { histogram } from "./histogram.ts";

/** "layer1.0.conv1.weight" -> "layer1.0.conv1": what is pruned is always the weight. */
const layerOf = (name: string) => name.replace(/\.weight$/, "");

const scalars = (values: Readonly<Record<string, number | null | undefined>>): EventValue[] =>
  Object.entries(values).flatMap(([tag, scalar]) => (typeof scalar === "number" ? [{ tag, scalar }] : []));

function stepValues(r: StepRecord): EventValue[] {
  return scalars({
    "loss/train": r.loss,
    "accuracy/train": r.accuracy,
    "sparsity/total": r.sparsity,
    lr: r.lr,
    threshold: r.threshold,
    lambda: r.lambda,
    "lambda_parts/effective": r.lambdaEffective,
    "lambda_parts/decay": r.lambdaDecay,
    "lambda_parts/total": r.lambdaTotal,
  });
}

function epochValues(r: EpochRecord): EventValue[] {
  const values = scalars({
    epoch: r.epoch,
    "loss/train_epoch": r.loss,
    "accuracy/train_epoch": r.accuracy,
    "loss/test": r.testLoss,
    "accuracy/test": r.testAccuracy,
    "accuracy/test_soft_gates": r.softAccuracy,
    // The step record of the same step has said sparsity/total and the threshold; these masks are those that were tested.
    "sparsity/tested": r.sparsity,
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
 * The events of one record of `fit`, at its step: one. `wallTime` in seconds since 1970; `more`: numbers that the host knows
 * besides, by tag.
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

/** Histograms of weights, `weights/<layer>` for each tensor of two axes and more; zeros included. */
export function weightEvents(weights: StateDict, step: number, wallTime: number): TensorBoardEvent[] {
  const values = [...weights].flatMap(([name, { data, shape }]): EventValue[] =>
    shape.length < 2 ? [] : [{ tag: `weights/${layerOf(name)}`, histogram: histogram(data) }],
  );
  return values.length === 0 ? [] : [{ wallTime, step, values }];
}
