// Sessions on arrays with few settings, and with an own loss, metrics, method, schedule and optimizer.
import { describe, expect, test } from "vitest";
import { type ArrayTransform, arrayDataset } from "../../src/data/index.ts";
import {
  Embedding,
  Flatten,
  Linear,
  Module,
  Parameter,
  PoissonEncoder,
  RandomState,
  Sequential,
} from "../../src/nn/index.ts";
import { add, crossEntropy, mean, mul, narrow, sigmoid } from "../../src/ops/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { cutSmallest, MagnitudeSelect, magnitudeArena, type PruningRun, pruningGroups } from "../../src/prune/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import {
  type EpochRecord,
  type LossFunction,
  type RunPosition,
  type RunRecord,
  type RunSettings,
  Session,
  type SessionOptions,
  type StepRecord,
} from "../../src/train/index.ts";
import { absoluteError, circle, products, smallNet, squaredError } from "../support/points.ts";
import { differing } from "../support/tiny_session.ts";

const classes = { train: circle(200, 1), test: circle(100, 2) };
const numbers = { train: { ...products(200, 1), shape: [2] }, test: { ...products(100, 2), shape: [2] } };
const brief: RunSettings = { epochs: 2, batchSize: 32, logEvery: 1 };

interface Run {
  readonly bytes: Uint8Array;
  readonly steps: readonly StepRecord[];
  readonly epochs: readonly EpochRecord[];
}

/** Train to the end; dispose the session. */
async function train(options: Partial<SessionOptions>): Promise<Run> {
  const records: RunRecord[] = [];
  const session = new Session({
    model: smallNet(),
    data: classes,
    config: brief,
    ...options,
    onRecord: (record) => void records.push(record),
  });
  try {
    await session.fit();
    return {
      bytes: await session.save(session.position),
      steps: records.filter((r): r is StepRecord => r.kind === "step"),
      epochs: records.filter((r): r is EpochRecord => r.kind === "epoch"),
    };
  } finally {
    session.dispose();
  }
}

/** Records without the seconds. */
const timeless = ({ steps, epochs }: Run) => [steps, epochs.map(({ seconds: _, ...others }) => others)];

describe("with a model and data alone", () => {
  test("learns classes of points", async () => {
    const { epochs, steps } = await train({ config: undefined, data: { train: circle(400, 1), test: circle(200, 2) } });
    expect(epochs).toHaveLength(10);
    expect(epochs.at(-1)!.testAccuracy).toBeGreaterThan(0.9);
    expect(epochs.at(-1)).toMatchObject({ sparsity: 0, threshold: 0, step: 130 });
    expect(steps[0]!.lr).toBeCloseTo(0.025 * (1 + Math.cos((9 * Math.PI) / 130)), 9);
  });

  test("takes a training set alone, and then has no test", async () => {
    const { epochs } = await train({ data: classes.train });
    expect(epochs.map((e) => [e.testLoss, e.testAccuracy])).toEqual(Array(2).fill([Number.NaN, Number.NaN]));
    expect(epochs[1]!.accuracy).toBeGreaterThan(0.5);
    const session = new Session({ model: smallNet(), data: arrayDataset(classes.train) });
    await expect(session.evaluate()).rejects.toThrow("evaluate: expected a session with a test set, got none");
    session.dispose();
  });

  test("trains a model without a weight to prune", async () => {
    class Scale extends Module {
      readonly scale = new Parameter([2], () => Float32Array.of(1, 2));
      forward(x: Tensor): Tensor {
        return mul(x, this.scale);
      }
    }
    const { epochs } = await train({ model: new Scale() });
    expect(epochs[1]).toMatchObject({ sparsity: 0, layers: [] });
    const config = { ...brief, prune: { sparsity: 0.5 } };
    expect(() => new Session({ model: new Scale(), data: classes, config })).toThrow("expected a weight to prune");
  });

  test("takes bytes and integers as samples", async () => {
    const { x, y } = classes.train;
    const bytes = Uint8Array.from(x, (v) => Math.max(0, Math.min(255, 128 + 40 * v)));
    const floats = await train({ data: { x: Float32Array.from(bytes), y } });
    expect(timeless(await train({ data: { x: bytes, y } }))).toEqual(timeless(floats));
    const tokens = new Sequential([new Embedding(256, 4), new Flatten(), new Linear(8, 2)]);
    const { epochs } = await train({ model: tokens, data: { x: Int32Array.from(bytes), y } });
    expect(epochs[1]!.loss).toBeLessThan(epochs[0]!.loss);
  });
});

describe("with a custom augmentation", () => {
  test("transforms arrays, the same way in each run", async () => {
    const transform: ArrayTransform = (sample, { random }) => {
      sample[0] = sample[0]! + 0.1 * random.nextFloat();
      return undefined;
    };
    const [plain, moved] = [await train({}), await train({ transform })];
    expect(differing(plain.bytes, moved.bytes).length).toBeGreaterThan(0);
    expect(timeless(await train({ transform }))).toEqual(timeless(moved));
  });
});

test("evaluates a model that draws in evaluation the same way each time", async () => {
  const random = new RandomState(3, { owned: true });
  class Noisy extends Module<[x: Tensor], Tensor> {
    readonly encoder = new PoissonEncoder({ timeSteps: 4 }, random);
    readonly head = new Linear(2, 2);
    forward(x: Tensor): Tensor {
      return this.head.forward(mean(this.encoder.forward(sigmoid(x)), { axes: [0] }));
    }
  }
  const session = new Session({ model: new Noisy(), data: classes, config: brief });
  const first = await session.evaluate();
  await session.fit();
  const trained = await session.evaluate();
  expect(trained.loss).not.toBe(first.loss);
  expect(await session.evaluate()).toEqual(trained);
  session.dispose();
});

describe("with several outputs", () => {
  test("passes them to loss and metrics as the model returns them", async () => {
    class TwoHeads extends Module<[x: Tensor], { sum: Tensor; product: Tensor }> {
      readonly body = smallNet();
      readonly sum = new Linear(2, 1);
      readonly product = new Linear(2, 1);
      forward(x: Tensor) {
        const h = this.body.forward(x) as Tensor;
        return { sum: this.sum.forward(h), product: this.product.forward(h) };
      }
    }
    const part = (targets: Tensor, k: number) => narrow(targets, { axis: 1, start: k, length: 1 });
    const loss: LossFunction = ({ sum, product }, y) =>
      add(squaredError(product, part(y, 0)), squaredError(sum, part(y, 1)));
    const run = await train({ model: new TwoHeads(), data: numbers, loss, metrics: { same: loss } });
    expect(run.epochs[1]!.testLoss).toBeLessThan(run.epochs[0]!.testLoss);
    expect(run.epochs[1]!.metrics!["same"]).toBeCloseTo(run.epochs[1]!.testLoss, 6);
    expect(run.epochs[1]!.testAccuracy).toBeNaN();
  });
});

describe("with a custom loss", () => {
  const regression: Partial<SessionOptions> = {
    data: numbers,
    loss: squaredError,
    metrics: { absolute: absoluteError, double: (outputs, targets) => mul(absoluteError(outputs, targets), 2) },
  };

  test("learns numbers, and means metrics over the test set and over steps", async () => {
    const config = { ...brief, epochs: 12, lr: 0.02, logEvery: 10 };
    const { epochs, steps } = await train({ ...regression, config });
    const last = epochs.at(-1)!;
    expect(last.testLoss).toBeLessThan(epochs[0]!.testLoss / 4);
    expect(last.testAccuracy).toBeNaN();
    expect(last.accuracy).toBeNaN();
    expect(steps.every(({ accuracy }) => Number.isNaN(accuracy))).toBe(true);
    for (const { metrics } of [...epochs, ...steps])
      expect(metrics!["double"]).toBeCloseTo(2 * metrics!["absolute"]!, 5);
    // Jensen: the mean absolute error is at most the root of the mean squared error.
    expect(last.metrics!["absolute"]).toBeLessThanOrEqual(Math.sqrt(last.testLoss) + 1e-6);
    expect(last.metrics!["absolute"]).toBeGreaterThan(0.3 * Math.sqrt(last.testLoss));
  });

  test("replays the bits of eager steps", async () => {
    const replayed = await train(regression);
    const eager = await train({ ...regression, replay: false });
    expect(differing(replayed.bytes, eager.bytes)).toEqual([]);
    expect(timeless(replayed)).toEqual(timeless(eager));
  });

  test("weights metrics by samples, also over micro-batches", async () => {
    const config = { ...brief, microBatch: 8 };
    const [whole, parts] = [await train(regression), await train({ ...regression, config })];
    const pairs = whole.steps.map(({ metrics }, i) => [metrics!["absolute"]!, parts.steps[i]!.metrics!["absolute"]!]);
    for (const [a, b] of pairs) expect(b).toBeCloseTo(a!, 4);
  });

  test("gives the bits of the default if it computes the same", async () => {
    const own = await train({ loss: (outputs, targets) => crossEntropy(outputs, targets) });
    const common = await train({});
    expect(differing(own.bytes, common.bytes)).toEqual([]);
    expect(timeless(own)).toEqual(timeless(common));
    expect(own.epochs[1]!.testAccuracy).toBeGreaterThan(0.5);
  });

  test("names a loss or a metric that is no scalar, and a model without logits", async () => {
    const of = (options: Partial<SessionOptions>) => train({ ...regression, ...options });
    await expect(of({ loss: (outputs) => outputs })).rejects.toThrow(
      "train: loss: expected a scalar []: use mean or sum",
    );
    await expect(of({ loss: () => 1 as never })).rejects.toThrow("train: loss: expected a scalar tensor, got number");
    await expect(of({ metrics: { all: (outputs) => outputs } })).rejects.toThrow(
      "train: metric all: expected a scalar []",
    );
    await expect(train({ data: numbers })).rejects.toThrow(
      "Session: loss: expected a custom loss for targets f32 [2], such as mseLoss; the default is for one class number",
    );
    class Flat extends Module {
      readonly head = new Linear(2, 1);
      forward(x: Tensor): Tensor {
        return mean(this.head.forward(x), { axes: [1] });
      }
    }
    await expect(train({ model: new Flat() })).rejects.toThrow(
      "train: model: expected logits [N, C]; another model requires a custom loss",
    );
  });

  test("resumes with the same bits and records, metrics included", async () => {
    const config = { ...brief, epochs: 3, logEvery: 3 };
    const whole = await train({ ...regression, config });
    const options = { data: numbers, loss: squaredError, metrics: regression.metrics, config };
    const first = new Session({ model: smallNet(), ...options });
    const stop = new AbortController();
    const position = { step: 0, epoch: 0, batch: 0 } as RunPosition;
    let bytes = new Uint8Array();
    const records: RunRecord[] = [];
    await first.fit({
      signal: stop.signal,
      onRecord: (record) => void records.push(record),
      onStep: ({ step }) => step === position.step + 11 && stop.abort(),
      onCheckpoint: async (at) => {
        bytes = new Uint8Array(await first.save(at));
      },
    });
    first.dispose();
    const second = new Session({ model: smallNet(), ...options, onRecord: (record) => void records.push(record) });
    second.load(bytes, "checkpoint");
    await second.fit();
    expect(differing(await second.save(second.position), whole.bytes)).toEqual([]);
    second.dispose();
    const all: Run = {
      bytes,
      steps: records.filter((r): r is StepRecord => r.kind === "step"),
      epochs: records.filter((r): r is EpochRecord => r.kind === "epoch"),
    };
    expect(timeless(all)).toEqual(timeless(whole));
  });
});

describe("with a schedule of the progress", () => {
  test("moves the learning rate, and gives the bits of the same built-in schedule", async () => {
    const constant = await train({ config: { ...brief, lr: { schedule: "constant", base: 0.05 } } });
    const own = await train({ schedule: { lr: () => 0.05 } });
    expect(differing(own.bytes, constant.bytes)).toEqual([]);
    const falling = await train({ schedule: { lr: (progress) => 0.1 * (1 - progress) } });
    expect(falling.steps.map(({ lr }) => lr)).toEqual(falling.steps.map((_, n) => 0.1 * (1 - n / 14)));
  });

  test("moves the threshold, and gives the bits of the same built-in schedule", async () => {
    const linear = await train({ config: { ...brief, prune: { schedule: "linear", threshold: 0.125 } } });
    const own = await train({ schedule: { threshold: (progress) => 0.125 * progress } });
    expect(differing(own.bytes, linear.bytes)).toEqual([]);
    expect(own.epochs[1]!.sparsity).toBeGreaterThan(0.3);
    expect(own.steps.map(({ threshold }) => threshold)).toEqual(own.steps.map((_, n) => 0.125 * ((n + 1) / 14)));
    const eager = await train({ schedule: { threshold: (progress) => 0.125 * progress }, replay: false });
    expect(differing(own.bytes, eager.bytes)).toEqual([]);
  });

  test("takes mode, dense layers and the freeze from the settings", async () => {
    const threshold = (progress: number) => 0.2 * progress;
    const prune = { mode: "inplace", dense: ["last"], freezeEpoch: 1 } as const;
    const { epochs } = await train({ schedule: { threshold }, config: { ...brief, prune } });
    expect(epochs[1]!.layers.map(({ zeros }) => zeros > 0)).toEqual([true, true, false]);
    expect(epochs[1]!.regrown).toBe(0);
  });

  test("lets a latent threshold fall: pruned weights regrow, and lambda is negative", async () => {
    const threshold = (progress: number) => 0.2 * (progress < 0.5 ? progress : 1 - progress);
    const { epochs, steps } = await train({ schedule: { threshold } });
    expect(epochs[0]!.sparsity).toBeGreaterThan(0.3);
    expect(epochs[1]!.regrown).toBeGreaterThan(0);
    expect(epochs[1]!.sparsity).toBeLessThan(epochs[0]!.sparsity / 2);
    expect(steps.map(({ lambda }) => Math.sign(lambda))).toEqual(steps.map((_, n) => (n < 7 ? 1 : -1)));
  });

  test("refuses functions that give no rate, or a falling threshold in mode inplace", () => {
    const open = (schedule: SessionOptions["schedule"], mode: "latent" | "inplace" = "latent") =>
      new Session({ model: smallNet(), data: classes, config: { ...brief, prune: { mode } }, schedule });
    expect(() => open({ threshold: (p) => 1 - p }, "inplace")).toThrow(
      "pruning: schedule.threshold: expected a function that does not fall in mode inplace, up to progress",
    );
    expect(() => open({ threshold: () => Number.NaN })).toThrow("expected a number >= 0 at progress 0, got NaN");
    expect(() => open({ lr: () => -1 }).lr(0)).toThrow("schedule.lr: expected a number >= 0 at progress 0, got -1");
  });
});

/** Cuts the smallest weights of each layer after half the steps. */
const halfway = ({ totalSteps }: { readonly totalSteps: number }) => {
  let select: MagnitudeSelect;
  let cut = () => {};
  return {
    name: "halfway",
    group: { mode: "inplace" } as const,
    phase: () => "mask" as const,
    begin({ optimizer }: PruningRun) {
      const chunks = optimizer.groups.filter((g) => g.options.mode !== "none").flatMap((g) => g.chunks);
      const arenas = chunks.map((c) => ({ ...magnitudeArena(c), velocity: c.velocity, copies: [] }));
      select = new MagnitudeSelect(arenas, { scope: "layer" });
      cut = () => {
        select.setRanks(select.elements.map((n) => Math.floor(n / 2)));
        select.run();
        cutSmallest(select, arenas);
      };
    },
    afterStep(done: number) {
      if (done === totalSteps / 2) cut();
    },
    dispose: () => select.dispose(),
  };
};

describe("with a custom method", () => {
  test("prunes as the method says, in replayed and in eager steps", async () => {
    const run = await train({ method: halfway });
    expect(run.epochs.map(({ layers }) => layers.map(({ zeros }) => zeros))).toEqual([
      [32, 512, 32],
      [32, 512, 32],
    ]);
    const eager = await train({ method: halfway, replay: false });
    expect(differing(run.bytes, eager.bytes)).toEqual([]);
  });

  test("derives the threshold of records from its values", async () => {
    const at = (n: number) => 0.01 * n;
    const method = {
      name: "ramp",
      group: { mode: "latent" } as const,
      values: (n: number) => ({ threshold: at(n), thresholdNext: at(n + 1) }),
    };
    const own = await train({ method });
    expect(own.steps.map(({ threshold }) => threshold)).toEqual(own.steps.map((_, n) => at(n + 1)));
    const linear = await train({ schedule: { threshold: (p) => at(Math.round(14 * p)) } });
    expect(differing(own.bytes, linear.bytes)).toEqual([]);
  });
});

describe("with a custom optimizer", () => {
  test("leaves rates, momentum and decay to it", async () => {
    const model = smallNet();
    const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9, weightDecay: 1e-4 });
    const own = await train({ model, optimizer });
    const common = await train({ config: { ...brief, lr: { schedule: "constant", base: 0.05 } } });
    expect(differing(own.bytes, common.bytes)).toEqual([]);
    expect(own.steps.map(({ lr }) => lr)).toEqual(Array(14).fill(0.05));
  });

  test("lets it move its rates", async () => {
    const lr = (step: number) => 0.05 / (1 + step);
    const model = smallNet();
    const head = model.parameters().slice(4);
    const body = model.parameters().slice(0, 4);
    const optimizer = new SGD([{ params: body }, { params: head, lr: 0 }], { lr, momentum: 0.9 });
    const before = await head[0]!.data();
    const session = new Session({ model, data: classes, config: brief, optimizer });
    const rates: number[] = [];
    await session.fit({ onRecord: (r) => void (r.kind === "step" && rates.push(r.lr)) });
    expect(rates).toEqual(rates.map((_, n) => lr(n)));
    expect(optimizer.stepsDone).toBe(14);
    expect(await head[0]!.data()).toEqual(before);
    session.dispose();
  });

  test("passes the groups of the method and the settings to a function", async () => {
    const given: unknown[] = [];
    const run = await train({
      optimizer: (groups, options) => {
        given.push(
          groups.map(({ mode }) => mode),
          options,
        );
        return new SGD(groups, { ...options, dampening: 0.1 });
      },
      config: { ...brief, lr: 0.1, prune: { threshold: 0.1 } },
    });
    expect(given).toEqual([["latent", "none"], { lr: 0.1, momentum: 0.9, nesterov: false, weightDecay: 1e-4 }]);
    expect(run.epochs[1]!.sparsity).toBeGreaterThan(0.2);
  });

  test("takes an instance with the groups of the method", async () => {
    const model = smallNet();
    const optimizer = new SGD(pruningGroups(model, { mode: "latent" }), { lr: 0.05, momentum: 0.9 });
    const config = { ...brief, prune: { schedule: "linear", threshold: 0.1 } as const };
    expect((await train({ model, optimizer, config })).epochs[1]!.sparsity).toBeGreaterThan(0.2);
  });
});
