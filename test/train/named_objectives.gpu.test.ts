// Losses and metrics by name, against their formulas on the host.
import { describe, expect, test } from "vitest";
import { arrayDataset, DataLoader } from "../../src/data/index.ts";
import { Module } from "../../src/nn/index.ts";
import { mul } from "../../src/ops/index.ts";
import { type Tensor, tensor } from "../../src/tensor/index.ts";
import type { HostBatches } from "../../src/train/batch_step.ts";
import { Evaluator } from "../../src/train/evaluate.ts";
import { type LossName, type MetricName, namedLoss, namedMetrics } from "../../src/train/index.ts";
import { randomArray, randomInts } from "../support/random.ts";

/** Returns its inputs, so that the samples are the outputs. */
class Same extends Module {
  forward(x: Tensor): Tensor {
    return mul(x, 1);
  }
}

const [N, K] = [45, 3];
const outputs = randomArray(N * K, 1);
const numbers = randomArray(N * K, 2, 0.7).map((v, i) => v + (i % K));
const labels = Float32Array.from(randomInts(N * K, 2, 3));
const classes = randomInts(N, K, 4);

async function evaluate(y: Float32Array | Int32Array, loss: LossName, metrics: MetricName[], scale?: number[]) {
  const isClass = y instanceof Int32Array;
  const data = arrayDataset({ x: outputs, y, shape: [K], targetShape: isClass ? [] : [K] });
  const facts = { classes: isClass ? K : 0, outputs: K, scale };
  const target = { shape: data.targetShape, dtype: isClass ? ("i32" as const) : ("f32" as const) };
  const options = { sample: data.shape, target, loss: namedLoss(loss, facts), metrics: namedMetrics(metrics, facts) };
  const evaluator = new Evaluator(new Same(), options);
  // A last batch of another size: means are weighted by samples.
  const result = await evaluator.run(new DataLoader({ dataset: data, batchSize: 16 }) as HostBatches);
  evaluator.dispose();
  return result;
}

const mean = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0) / values.length;
const errors = (scale = [1, 1, 1]) => Array.from(outputs, (v, i) => (v - numbers[i]!) * scale[i % K]!);

describe("numbers", () => {
  test("mse, rmse and mae are means over all numbers, in the units before the scale", async () => {
    const scale = [2, 0.5, 10];
    const { loss, metrics, accuracy } = await evaluate(numbers, "mse", ["mse", "rmse", "mae"], scale);
    expect(loss).toBeCloseTo(mean(errors().map((e) => e * e)), 5);
    const scaled = errors(scale);
    expect(metrics!["mse"]).toBeCloseTo(mean(scaled.map((e) => e * e)), 3);
    expect(metrics!["rmse"]).toBeCloseTo(Math.sqrt(mean(scaled.map((e) => e * e))), 4);
    expect(metrics!["mae"]).toBeCloseTo(mean(scaled.map(Math.abs)), 4);
    expect(accuracy).toBeNaN();
  });

  test("r2 compares with the mean of each number of the whole set", async () => {
    const { metrics } = await evaluate(numbers, "huber", ["r2"]);
    const means = [0, 1, 2].map((k) => mean(numbers.filter((_, i) => i % K === k)));
    const spread = mean(Array.from(numbers, (v, i) => (v - means[i % K]!) ** 2));
    expect(metrics!["r2"]).toBeCloseTo(1 - mean(errors().map((e) => e * e)) / spread, 4);
  });

  test("outputs of another shape with as many numbers are compared one by one", () => {
    const loss = namedLoss("mse", { classes: 0, outputs: 1 })!;
    expect(loss(tensor([[1], [2]]), tensor([1, 3])).shape).toEqual([]);
    expect(() =>
      loss(
        tensor([
          [1, 2],
          [2, 3],
        ]),
        tensor([1, 3]),
      ),
    ).toThrow("as many outputs as numbers of the targets");
  });
});

describe("labels", () => {
  test("label accuracy and F1 count all labels together", async () => {
    const { loss, metrics } = await evaluate(labels, "bce-with-logits", ["f1", "label-accuracy"]);
    const assigned = Array.from(outputs, (v) => v > 0);
    const hits = assigned.filter((on, i) => on && labels[i] === 1).length;
    const f1 = (2 * hits) / (assigned.filter(Boolean).length + labels.filter((v) => v === 1).length);
    expect(metrics!["f1"]).toBeCloseTo(f1, 5);
    expect(metrics!["label-accuracy"]).toBeCloseTo(mean(assigned.map((on, i) => Number(on === (labels[i] === 1)))), 5);
    const bce = Array.from(outputs, (v, i) => Math.log1p(Math.exp(v)) - labels[i]! * v);
    expect(loss).toBeCloseTo(mean(bce), 5);
  });
});

describe("classes", () => {
  test("mse compares outputs with rows of zeros and a one, and accuracy is counted", async () => {
    const { loss, accuracy, metrics } = await evaluate(classes, "mse", ["accuracy"]);
    const wanted = Array.from(outputs, (_, i) => Number(classes[Math.floor(i / K)] === i % K));
    expect(loss).toBeCloseTo(mean(Array.from(outputs, (v, i) => (v - wanted[i]!) ** 2)), 5);
    const best = Array.from({ length: N }, (_, n) => {
      const row = outputs.subarray(n * K, (n + 1) * K);
      return row.indexOf(Math.max(...row));
    });
    expect(accuracy).toBeCloseTo(mean(best.map((c, n) => Number(c === classes[n]))), 9);
    expect(metrics).toBeUndefined();
  });

  test("cross-entropy is the default loss of a session", () => {
    expect(namedLoss("cross-entropy", { classes: 3, outputs: 3 })).toBeUndefined();
  });
});

test.each([
  [
    "cross-entropy of numbers",
    () => namedLoss("cross-entropy", { classes: 0, outputs: 2 }),
    "loss: expected mse, huber",
  ],
  [
    "accuracy of numbers",
    () => namedMetrics(["accuracy"], { classes: 0, outputs: 2 }),
    "metrics: expected a metric of numbers",
  ],
  ["rmse of classes", () => namedMetrics(["rmse"], { classes: 2, outputs: 2 }), "metrics: expected accuracy, since"],
  ["r2 of many numbers", () => namedMetrics(["r2"], { classes: 0, outputs: 65 }), "at most 64 numbers, got 65"],
])("%s is refused", (_, make, message) => {
  expect(make).toThrow(message);
});
