// Every part of a run works with any loss: steering, at-init, SNIP, gradual pruning, scores and checkpoints.
import { describe, expect, test } from "vitest";
import { Linear } from "../../src/nn/index.ts";
import { huberLoss, mseLoss } from "../../src/ops/index.ts";
import { type EpochRecord, type RunSettings, Session, type SessionOptions } from "../../src/train/index.ts";
import { absoluteError, circle, products, smallNet, squaredError } from "../support/points.ts";
import { randomArray } from "../support/random.ts";

const data = { train: { ...products(200, 1), shape: [2] }, test: { ...products(100, 2), shape: [2] } };
const config: RunSettings = { epochs: 4, batchSize: 32, lr: 0.02 };
const options = { data, loss: squaredError, metrics: { mae: absoluteError } };

async function epochsOf(more: Partial<SessionOptions>): Promise<EpochRecord[]> {
  const epochs: EpochRecord[] = [];
  const session = new Session({
    model: smallNet(),
    ...options,
    config,
    ...more,
    onRecord: (record) => void (record.kind === "epoch" && epochs.push(record)),
  });
  await session.fit();
  session.dispose();
  return epochs;
}

describe("a regression", () => {
  test.each([
    ["steered soft thresholds", { sparsity: 0.6 }, 0.05],
    ["at-init", { method: "at-init", sparsity: 0.6, initEpochs: 1 }, 0.05],
    ["snip", { method: "snip", sparsity: 0.6 }, 0.002],
    ["gmp", { method: "gmp", sparsity: 0.6, every: 4 }, 0.002],
  ] as const)("is pruned by %s to its share", async (_, prune, tolerance) => {
    const epochs = await epochsOf({ config: { ...config, prune } });
    const last = epochs.at(-1)!;
    expect(Math.abs(last.sparsity - 0.6)).toBeLessThan(tolerance);
    expect(Number.isFinite(last.testLoss)).toBe(true);
    expect(last.metrics!["mae"]).toBeGreaterThan(0);
    expect(last.testAccuracy).toBeNaN();
  });

  test("SNIP scores the weights by the gradient of the session's loss", async () => {
    const x = randomArray(64 * 6, 3);
    const y = Float32Array.from({ length: 64 }, (_, i) => 3 * x[6 * i]! - 2 * x[6 * i + 1]! + 9 * x[6 * i + 2]! ** 3);
    const train = { x, y, shape: [6], targetShape: [1] };
    const kept = async (loss: typeof mseLoss, weigh: (error: number) => number) => {
      const init = () => Float32Array.of(0.4, -0.6, 0.05, 0.3, 0.2, -0.5);
      const model = new Linear(6, 1, { init, bias: false });
      const prune = { method: "snip", sparsity: 0.5, snipBatches: 1 } as const;
      const settings = { epochs: 1, batchSize: 64, lr: 1e-6, prune };
      const session = new Session({ model, data: { train }, loss: (o, t) => loss(o, t), config: settings });
      await session.prepare();
      const zeros = Array.from(await model.weight.data(), (w) => w === 0);
      session.dispose();
      const w = init();
      const scores = Array.from(w, (weight, k) => {
        let g = 0;
        for (let i = 0; i < 64; i++) {
          const out = w.reduce((sum, v, j) => sum + v * x[6 * i + j]!, 0);
          g += weigh(out - y[i]!) * x[6 * i + k]!;
        }
        return Math.abs(weight * g);
      });
      const bound = [...scores].sort((a, b) => a - b)[2]!;
      expect(zeros).toEqual(scores.map((score) => score <= bound));
      return zeros;
    };
    const squared = await kept(mseLoss, (e) => 2 * e);
    const huber = await kept(huberLoss as typeof mseLoss, (e) => Math.max(-1, Math.min(1, e)));
    expect(squared).not.toEqual(huber);
  });
});

describe("the score", () => {
  const scoreOf = (more: Partial<SessionOptions>) => {
    const session = new Session({ model: smallNet(), ...options, config, ...more });
    const { score } = session;
    session.dispose();
    return score;
  };

  test("is accuracy for class numbers, else the loss, or what is asked for", () => {
    expect(scoreOf({ data: circle(64, 1), loss: undefined, metrics: undefined })).toEqual({
      metric: "accuracy",
      better: "higher",
    });
    expect(scoreOf({})).toEqual({ metric: "loss", better: "lower" });
    const mae = { metric: "mae", better: "lower" } as const;
    expect(scoreOf({ score: mae })).toEqual(mae);
  });

  test.each([
    [{ metric: "rmse", better: "lower" }, "Session: score: metric: expected one of loss, mae, got rmse"],
    [{ metric: "accuracy", better: "higher" }, "Session: score: metric: expected one of loss, mae, got accuracy"],
    [{ metric: "mae", better: "up" }, "Session: score: better: expected higher or lower, got up"],
    ["mae", "Session: score: expected an object { metric, better }, got string"],
  ])("refuses %j", (score, message) => {
    expect(() => scoreOf({ score: score as never })).toThrow(message);
  });

  test("is restored from a checkpoint", async () => {
    const mae = { metric: "mae", better: "lower" } as const;
    const make = () => new Session({ model: smallNet(), ...options, config, score: mae });
    const [first, second] = [make(), make()];
    first.bestScore = 0.25;
    second.load(await first.save(), "checkpoint");
    expect(second.bestScore).toBe(0.25);
    for (const session of [first, second]) session.dispose();
  });
});

test("dense targets: a target for each number of a map", async () => {
  const x = randomArray(48 * 2 * 4 * 4, 5);
  // Each target is the sum of both channels at its place.
  const y = Float32Array.from({ length: 48 * 16 }, (_, i) => {
    const [n, at] = [Math.floor(i / 16), i % 16];
    return x[32 * n + at]! + x[32 * n + 16 + at]!;
  });
  const { Conv2d } = await import("../../src/nn/index.ts");
  const maps = { x, y, shape: [2, 4, 4], targetShape: [1, 4, 4] };
  const session = new Session({
    model: new Conv2d(2, 1, 1),
    data: { train: maps, test: maps },
    loss: (outputs, targets) => mseLoss(outputs, targets),
    config: { epochs: 40, batchSize: 16, lr: 0.2, weightDecay: 0 },
  });
  await session.fit();
  expect((await session.evaluate()).loss).toBeLessThan(1e-3);
  session.dispose();
});
