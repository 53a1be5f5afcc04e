// Losses and metrics by name, for settings that are saved as text. Each is a function of outputs and targets.
import { noGrad } from "../autograd/index.ts";
import { currentGpu, OpError } from "../gpu/index.ts";
import { bceWithLogits } from "../ops/bce_with_logits.ts";
import { mul, sub } from "../ops/binary.ts";
import { cast } from "../ops/cast.ts";
import { eq, ge, gt } from "../ops/compare.ts";
import { embedding } from "../ops/embedding.ts";
import { huberLoss } from "../ops/huber_loss.ts";
import { mseLoss } from "../ops/mse_loss.ts";
import { reshape } from "../ops/reshape.ts";
import { mean } from "../ops/sum.ts";
import { abs, square } from "../ops/unary.ts";
import { persistent, Tensor } from "../tensor/index.ts";
import { ArgumentError, kindOf } from "../text/index.ts";
import type { LossFunction, Metric } from "./objective.ts";
import type { Better } from "./score.ts";

/** Losses by name. */
export const LOSSES = ["cross-entropy", "mse", "huber", "bce-with-logits"] as const;
export type LossName = (typeof LOSSES)[number];

/** Metrics by name. */
export const METRICS = ["accuracy", "mse", "rmse", "mae", "r2", "label-accuracy", "f1"] as const;
export type MetricName = (typeof METRICS)[number];

/** Return the direction in which a named metric, or the loss, is better. */
export const betterOf = (metric: string): Better =>
  ["loss", "mse", "rmse", "mae"].includes(metric) ? "lower" : "higher";

/** Return the metrics of a loss if none are chosen; the first one chooses the best model. */
export function defaultMetrics(loss: LossName, targets: "classes" | "numbers"): MetricName[] {
  if (targets === "classes") return ["accuracy"];
  return loss === "bce-with-logits" ? ["f1", "label-accuracy"] : ["rmse", "mae", "r2"];
}

/** Targets of a data set. */
export interface TargetFacts {
  /** Count of classes; 0 if the targets are numbers. */
  readonly classes: number;
  /** Numbers of one target. */
  readonly outputs: number;
  /**
   * Standard deviation by which each number of a target was divided: errors are given in the units before it. Absent: no scale.
   * Shape [outputs], or one number for all.
   */
  readonly scale?: readonly number[] | undefined;
}

/** Return a function that makes a constant once for each device: a plan of memory has another one. */
function constant(make: () => Tensor): () => Tensor {
  const made = new WeakMap<object, Tensor>();
  return () => {
    const gpu = currentGpu();
    const tensor = made.get(gpu) ?? make();
    made.set(gpu, tensor);
    return tensor;
  };
}

/** Return outputs as f32 in the shape of the targets if they have as many numbers. */
function like(name: string, outputs: unknown, targets: Tensor): Tensor {
  if (!(outputs instanceof Tensor)) throw new OpError(name, `outputs: expected a tensor, got ${kindOf(outputs)}`);
  const x = outputs.dtype === "f16" ? cast(outputs, "f32") : outputs;
  if (x.numel !== targets.numel)
    throw new OpError(name, "expected as many outputs as numbers of the targets", { outputs: x, targets });
  return x.shape.length === targets.shape.length && x.shape.every((n, i) => n === targets.shape[i])
    ? x
    : reshape(x, { shape: targets.shape });
}

/**
 * Return the loss of a name; undefined for cross-entropy, the default of a session.
 *
 * Classes    mse, huber and bce-with-logits compare outputs [N, classes] with rows of zeros and a one.
 * Numbers    outputs are compared in the shape of the targets.
 * Errors     ArgumentError for cross-entropy of targets that are numbers.
 */
export function namedLoss(name: LossName, { classes }: TargetFacts): LossFunction | undefined {
  if (name === "cross-entropy") {
    if (classes > 0) return undefined;
    throw new ArgumentError(
      "loss: expected mse, huber or bce-with-logits, since the targets are numbers, got cross-entropy",
    );
  }
  const op = { mse: mseLoss, huber: huberLoss, "bce-with-logits": bceWithLogits }[name];
  const isDiagonal = (i: number) => i % (classes + 1) === 0;
  const rows = constant(() =>
    persistent(
      Float32Array.from({ length: classes ** 2 }, (_, i) => (isDiagonal(i) ? 1 : 0)),
      [classes, classes],
    ),
  );
  return (outputs, targets) => {
    const wanted = classes > 0 ? noGrad(() => embedding(targets, rows())) : targets;
    return op(like(name, outputs, wanted), wanted);
  };
}

/** Labels that a model assigns, those with a logit above 0, as ones; and the given ones. */
const assigned = (outputs: unknown, targets: Tensor): Tensor => gt(like("labels", outputs, targets), 0);
const given = (targets: Tensor): Tensor => ge(targets, 0.5);

/** Most numbers of a target for which r2 is computed. */
const MOST_R2 = 64;

/**
 * Return the metrics of these names as functions; `accuracy` is counted by the session itself and has none.
 *
 * mse, rmse, mae    of all numbers together, in the units of the data.
 * r2                1 - sum of squared errors / sum of squared distances from the mean of each number, over all numbers of the targets.
 * label-accuracy    share of labels whose logit is on the right side of 0.
 * f1                2 TP / (2 TP + FP + FN) over all labels together (micro average).
 *
 * Errors    ArgumentError for a metric that the targets do not have.
 */
export function namedMetrics(names: readonly MetricName[], facts: TargetFacts): Record<string, Metric> {
  const made = names.map((name): [string, Metric | null] => [name, namedMetric(name, facts)]);
  return Object.fromEntries(made.flatMap(([name, metric]) => (metric ? [[name, metric]] : [])));
}

function namedMetric(name: MetricName, facts: TargetFacts): Metric | null {
  const { classes } = facts;
  if (classes > 0 !== (name === "accuracy")) {
    const problem = classes > 0 ? "accuracy, since the targets are classes" : "a metric of numbers";
    throw new ArgumentError(`metrics: expected ${problem}, got ${name}`);
  }
  if (name === "accuracy") return null;
  if (name === "label-accuracy") return (outputs, targets) => mean(eq(assigned(outputs, targets), given(targets)));
  if (name === "f1") return f1;
  const error = scaledError(facts);
  if (name === "mae") return (outputs, targets) => mean(abs(error(outputs, targets)));
  const squared: LossFunction = (outputs, targets) => mean(square(error(outputs, targets)));
  if (name === "mse") return squared;
  if (name === "rmse") return { parts: { mse: squared }, value: ({ mse }) => Math.sqrt(mse!) };
  return r2(facts);
}

const f1: Metric = {
  parts: {
    hits: (outputs, targets) => mean(mul(assigned(outputs, targets), given(targets))),
    assigned: (outputs, targets) => mean(assigned(outputs, targets)),
    given: (_, targets) => mean(given(targets)),
  },
  // 2 TP + FP + FN are the labels assigned and those given.
  value: ({ hits, assigned, given }) => (2 * hits!) / (assigned! + given!),
};

/** Return the difference of outputs and targets in the units of the data. */
function scaledError({ scale }: TargetFacts): LossFunction {
  const difference: LossFunction = (outputs, targets) => sub(like("metric", outputs, targets), targets);
  if (scale === undefined || scale.every((s) => s === 1)) return difference;
  const factors = constant(() => persistent(Float32Array.from(scale), [scale.length]));
  return (outputs, targets) => {
    const error = difference(outputs, targets);
    const last = error.shape.at(-1);
    return mul(
      last === scale.length ? error : reshape(error, { shape: [error.numel / scale.length, scale.length] }),
      factors(),
    );
  };
}

/** The coefficient of determination, from means over the samples. The means of the targets are near 0 if they are standardised. */
function r2({ outputs }: TargetFacts): Metric {
  if (outputs > MOST_R2)
    throw new ArgumentError(`metrics: r2: expected targets of at most ${MOST_R2} numbers, got ${outputs}`);
  const columns = Array.from({ length: outputs }, (_, k) => k);
  const masks = columns.map((k) =>
    constant(() =>
      persistent(
        Float32Array.from(columns, (n) => (n === k ? 1 : 0)),
        [outputs],
      ),
    ),
  );
  const rows = (targets: Tensor) => reshape(targets, { shape: [targets.numel / outputs, outputs] });
  const column =
    (k: number): LossFunction =>
    (_, targets) =>
      mul(mean(mul(rows(targets), masks[k]!())), outputs);
  return {
    parts: {
      error: (y, targets) => mul(mean(square(sub(like("r2", y, targets), targets))), outputs),
      squares: (_, targets) => mul(mean(square(targets)), outputs),
      ...Object.fromEntries(columns.map((k) => [`mean${k}`, column(k)])),
    },
    value: (means) => {
      const spread = columns.reduce((sum, k) => sum - means[`mean${k}`]! ** 2, means["squares"]!);
      return 1 - means["error"]! / spread;
    },
  };
}
