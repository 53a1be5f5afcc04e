// Re-estimated statistics of batch norm: their values, and that a run does not change.
import { describe, expect, test } from "vitest";
import { arrayDataset, DataLoader } from "../../src/data/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import { SewNet } from "../../src/models/spiking/sew_net.ts";
import {
  BatchNorm1d,
  BatchNorm2d,
  Dropout,
  Linear,
  type Module,
  manualSeed,
  RandomState,
  ReLU,
  Sequential,
} from "../../src/nn/index.ts";
import { NonFiniteError } from "../../src/tensor/index.ts";
import { planTraining, recalibrate, Session } from "../../src/train/index.ts";
import { readStatistics } from "../../src/train/recalibrate.ts";
import { expectClose } from "../support/close.ts";
import { fakeStream } from "../support/fake_stream.ts";
import { testHalf } from "../support/half.ts";
import { randomArray } from "../support/random.ts";
import { squares } from "../support/shapes.ts";
import {
  differing,
  finish,
  sameBits,
  type TinyMore,
  tinyConfig,
  tinyModel,
  tinySession,
} from "../support/tiny_session.ts";

const SAMPLES = 20;
const points = arrayDataset({
  x: randomArray(SAMPLES * 3, 1, 2).map((v) => v + 5),
  shape: [3],
  y: Int32Array.from({ length: SAMPLES }, (_, i) => i % 2),
});
const BATCH = 8;
const CLOSE = { rtol: 2e-6, atol: 1e-7 };
const loader = () => new DataLoader({ dataset: points, batchSize: BATCH });

/** Mean and unbiased variance of each column of rows [n, columns], in float64. */
function moments(rows: readonly (readonly number[])[]): { mean: number[]; variance: number[] } {
  const n = rows.length;
  const mean = rows[0]!.map((_, c) => rows.reduce((sum, row) => sum + row[c]!, 0) / n);
  const variance = mean.map((m, c) => rows.reduce((sum, row) => sum + (row[c]! - m) ** 2, 0) / (n - 1));
  return { mean, variance };
}

const average = (lists: readonly (readonly number[])[]) =>
  lists[0]!.map((_, c) => lists.reduce((sum, list) => sum + list[c]!, 0) / lists.length);

/** Rows of batch b. */
const rowsOf = (b: number): number[][] =>
  Array.from({ length: Math.min(BATCH, SAMPLES - b * BATCH) }, (_, i) =>
    [0, 1, 2].map((c) => points.x[(b * BATCH + i) * 3 + c]!),
  );

/** Normalise rows with the statistics of their batch. */
function normalised(rows: readonly (readonly number[])[]): number[][] {
  const { mean, variance } = moments(rows);
  const biased = variance.map((v) => (v * (rows.length - 1)) / rows.length);
  return rows.map((row) => row.map((v, c) => (v - mean[c]!) / Math.sqrt(biased[c]! + 1e-5)));
}

const statisticsOf = async (model: Module) =>
  (await readStatistics(model)).map(({ mean, variance }) => ({ mean: [...mean], variance: [...variance] }));

describe("recalibrate", () => {
  test("gives the mean over the batches of batch mean and unbiased variance, as PyTorch with momentum None", async () => {
    const model = new Sequential([new BatchNorm1d(3), new ReLU(), new BatchNorm1d(3)]);
    expect(await recalibrate(model, loader(), { sample: [3] })).toBe(2);
    const first = [0, 1, 2].map((b) => moments(rowsOf(b)));
    const second = [0, 1, 2].map((b) => moments(normalised(rowsOf(b)).map((row) => row.map((v) => Math.max(0, v)))));
    const got = await statisticsOf(model);
    for (const [i, want] of [first, second].entries()) {
      expectClose(got[i]!.mean, average(want.map((m) => m.mean)), CLOSE);
      expectClose(got[i]!.variance, average(want.map((m) => m.variance)), CLOSE);
    }
    model.dispose();
  });

  test("uses `count` batches, and forgets what the statistics were", async () => {
    const model = new Sequential([new BatchNorm1d(3)]);
    const [layer] = await readStatistics(model);
    layer!.layer.running_mean.set(new Float32Array(3).fill(Number.NaN));
    await recalibrate(model, loader(), { sample: [3], count: 1 });
    const { mean, variance } = moments(rowsOf(0));
    const [got] = await statisticsOf(model);
    expectClose(got!.mean, mean, CLOSE);
    expectClose(got!.variance, variance, CLOSE);
    model.dispose();
  });

  test("counts every use of a layer in a batch", async () => {
    const shared = new BatchNorm1d(3);
    const model = new Sequential([shared, new ReLU(), shared]);
    expect(await recalibrate(model, loader(), { sample: [3], count: 2 })).toBe(1);
    const uses = [0, 1].flatMap((b) => [
      moments(rowsOf(b)),
      moments(normalised(rowsOf(b)).map((row) => row.map((v) => Math.max(0, v)))),
    ]);
    const [got] = await statisticsOf(model);
    expectClose(got!.mean, average(uses.map((m) => m.mean)), CLOSE);
    expectClose(got!.variance, average(uses.map((m) => m.variance)), CLOSE);
    model.dispose();
  });

  test("moves no weight, draws no dropout, and leaves the modes as they were", async () => {
    manualSeed(3);
    const random = new RandomState(1);
    const model = new Sequential([new Linear(3, 8), new Dropout(0.5, random), new BatchNorm1d(8), new Linear(8, 2)]);
    const plain = new Sequential([new Linear(3, 8), new BatchNorm1d(8), new Linear(8, 2)]);
    const before = await model.stateDict();
    const names: Record<string, string> = { "0": "0", "1": "2", "2": "3" };
    plain.loadStateDict(
      new Map(
        [...(await plain.stateDict())].map(([name]) => [name, before.get(name.replace(/^\d/, (i) => names[i]!))!]),
      ),
    );
    model.eval();
    model.train(true);
    const layers = [...model.namedModules()].map(([, m]) => m);
    layers[2]!.training = false;
    const modes = layers.map((m) => m.training);
    await recalibrate(model, loader(), { sample: [3] });
    await recalibrate(plain, loader(), { sample: [3] });
    expect(layers.map((m) => m.training)).toEqual(modes);
    for (const [name, p] of model.namedParameters())
      expect(sameBits(await p.data(), before.get(name)!.data), name).toBe(true);
    expect(await statisticsOf(model)).toEqual(await statisticsOf(plain));
    expect(await random.step.item()).toBe(0);
    for (const made of [model, plain]) made.dispose();
    random.dispose();
  });

  test("leaves a model without batch norm alone", async () => {
    const model = new Sequential([new Linear(3, 2)]);
    const unread = { [Symbol.asyncIterator]: () => expect.unreachable("no batch is needed") };
    expect(await recalibrate(model, unread as never, { sample: [3] })).toBe(0);
    model.dispose();
  });

  test("refuses counts below one, no batch, and statistics that are not finite", async () => {
    const model = new Sequential([new BatchNorm1d(3)]);
    for (const count of [0, 1.5, -1])
      await expect(recalibrate(model, loader(), { sample: [3], count })).rejects.toThrow(
        `recalibrate: count: expected an integer >= 1, got ${count}`,
      );
    const none = { async *[Symbol.asyncIterator]() {} };
    await expect(recalibrate(model, none, { sample: [3] })).rejects.toThrow("expected at least one batch, got none");
    await expect(recalibrate({} as never, loader(), { sample: [3] })).rejects.toThrow("expected a module");
    const huge = arrayDataset({ x: new Float32Array(12).map((_, i) => i * 1e30), shape: [3], y: new Int32Array(4) });
    const batches = new DataLoader({ dataset: huge, batchSize: 4 });
    await expect(recalibrate(model, batches, { sample: [3] })).rejects.toThrow(NonFiniteError);
    expect(await statisticsOf(model)).toEqual([{ mean: [0, 0, 0], variance: [1, 1, 1] }]);
    model.dispose();
  });

  test("frees what it made", async () => {
    const model = new Sequential([new BatchNorm1d(3)]);
    await recalibrate(model, loader(), { sample: [3] });
    const { live } = currentGpu().memory();
    await recalibrate(model, loader(), { sample: [3] });
    expect(currentGpu().memory().live).toBe(live);
    model.dispose();
  });
});

const prune = { threshold: 0.05 };
const short: TinyMore = { epochs: 2 };
const on: TinyMore = { ...short, recalibrate: 3 };

describe("a session that re-estimates", () => {
  test("has the bits of one that does not, and both accuracies in its records", async () => {
    const want = await finish(tinySession(prune, short));
    const got = await finish(tinySession(prune, on));
    expect(differing(got.bytes, want.bytes)).toEqual([]);
    expect(got.epochs.map((e) => [e.rawTestLoss, e.rawTestAccuracy])).toEqual(
      want.epochs.map((e) => [e.testLoss, e.testAccuracy]),
    );
    expect(want.epochs[0]!.rawTestAccuracy).toBeUndefined();
    expect(got.epochs[1]!.testLoss).not.toBe(want.epochs[1]!.testLoss);
  });

  test("gives the same bits eagerly, and after a resume at any step", async () => {
    const whole = await finish(tinySession(prune, on), 3);
    const eager = await finish(tinySession(prune, on, false));
    const numbers = (run: typeof whole) => run.epochs.map(({ seconds: _, ...record }) => record);
    expect(numbers(eager)).toEqual(numbers(whole));
    for (const step of whole.saved.keys()) {
      if (step === 10) continue;
      const session = tinySession(prune, on);
      session.load(whole.saved.get(step)!.bytes, "checkpoint");
      const rest = await finish(session);
      expect(differing(rest.bytes, whole.bytes), `step ${step}`).toEqual([]);
      expect(numbers(rest).at(-1)).toEqual(numbers(whole).at(-1));
    }
  });

  test("tests and exports with the same statistics inside `recalibrated`, and has its own afterwards", async () => {
    const session = tinySession(prune, on);
    let atEpoch: Awaited<ReturnType<typeof session.weights>> | null = null;
    let testLoss = 0;
    await session.fit({
      onRecord: async (record) => {
        if (record.kind !== "epoch") return;
        atEpoch = await session.recalibrated(() => session.weights());
        testLoss = record.testLoss;
      },
    });
    const before = await session.save();
    const { weights, test: tested } = await session.recalibrated(async () => ({
      weights: await session.weights(),
      test: await session.evaluate(),
    }));
    expect(tested.loss).toBe(testLoss);
    expect(weights).toEqual(atEpoch);
    const own = await session.weights();
    const changed = [...weights]
      .filter(([name, { data }]) => !sameBits(data, own.get(name)!.data))
      .map(([name]) => name);
    expect(changed).toEqual(["1.running_mean", "1.running_var", "4.running_mean", "4.running_var"]);
    const failing = session.recalibrated(() => Promise.reject(new Error("the host had enough")));
    await expect(failing).rejects.toThrow("the host had enough");
    expect(await session.recalibrated(() => session.evaluate(), 0)).toEqual(await session.evaluate());
    await expect(session.recalibrated(() => 1, -1)).rejects.toThrow("batches: expected an integer >= 0, got -1");
    expect(sameBits(await session.save(), before)).toBe(true);
    session.dispose();
  });
});

describe("the batches of a re-estimation", () => {
  test("are as many as set, of more than one epoch if need be", async () => {
    const data = { train: squares(72, 8, 1), test: squares(60, 8, 9) };
    const config = tinyConfig(prune, { epochs: 1, recalibrate: 7, augment: { crop: 0, flip: false } });
    manualSeed(config.seed);
    const memory = new Session({ model: tinyModel(), data, config });
    manualSeed(config.seed);
    const [train, test] = [fakeStream(data.train), fakeStream(data.test)];
    const streamed = new Session({ model: tinyModel(), data: { train, test }, config });
    const want = await finish(memory);
    const got = await finish(streamed);
    expect(got.epochs.map((e) => e.testLoss)).toEqual(want.epochs.map((e) => e.testLoss));
    // An epoch of 5 batches, and 7 of the re-estimation.
    expect([train.open, train.recycled, train.given]).toEqual([0, train.given, 12]);
  });

  test("are micro-batches if the run has them", async () => {
    const config: TinyMore = { epochs: 1, recalibrate: 2, augment: { crop: 0, flip: false } };
    const small = await finish(tinySession(prune, { ...config, microBatch: 8 }));
    const large = await finish(tinySession(prune, config));
    expect(small.epochs[0]!.testLoss).not.toBe(large.epochs[0]!.testLoss);
    expect(small.epochs[0]!.testAccuracy).toBeGreaterThan(0);
  });

  test("reach a spiking network, whose neurons normalise in their own kernel", async () => {
    const data = { train: squares(48, 8, 1), test: squares(32, 8, 9) };
    const run = async (more: TinyMore) => {
      manualSeed(5);
      const model = new SewNet({ channels: 1, classes: 4, timeSteps: 2 });
      return finish(new Session({ model, data, config: tinyConfig(prune, { ...more, epochs: 1, batchSize: 16 }) }));
    };
    const [raw, got] = [await run({}), await run({ recalibrate: 2 })];
    expect(differing(got.bytes, raw.bytes)).toEqual([]);
    expect(got.epochs[0]!.rawTestLoss).toBe(raw.epochs[0]!.testLoss);
    expect(got.epochs[0]!.testLoss).not.toBe(raw.epochs[0]!.testLoss);
  });

  test("stop at a signal, and the test is repeated after the resume", async () => {
    const want = await finish(tinySession(prune, on));
    const session = tinySession(prune, on);
    const stop = new AbortController();
    // The checkpoint before the test is saved first.
    const first = await session.fit({
      signal: stop.signal,
      onCheckpoint: async (_position, reason) => {
        if (reason === "test due") setTimeout(() => stop.abort(), 0);
      },
    });
    expect(first.finished).toBe(false);
    const rest = await finish(session);
    expect(differing(rest.bytes, want.bytes)).toEqual([]);
    expect(rest.epochs.at(-1)!.testLoss).toBe(want.epochs.at(-1)!.testLoss);
  });

  test("take the memory that is planned", async () => {
    const config = tinyConfig(prune, on);
    const session = tinySession(prune, on);
    const recordings = session.rehearse();
    expect(recordings).toHaveLength(5); // two sizes of training and test batches, one of re-estimation
    session.dispose();
    const sizes = { sample: [1, 8, 8] as const, classes: 4, trainImages: 72, testImages: 60 };
    const [without, with_] = [0, 3].map((n) =>
      planTraining({ ...sizes, build: tinyModel, config: { ...config, recalibrate: n } }),
    );
    expect(with_!.inputs).toBeGreaterThan(without!.inputs);
    expect(with_!.activations).toBe(without!.activations);
    expect(with_!.peak - without!.peak).toBeLessThan(16_384);
  });

  test("are not read for a model without batch norm", async () => {
    const data = { train: squares(48, 8, 1), test: squares(32, 8, 9) };
    manualSeed(1);
    const model = new Sequential([new Linear(64, 4)]);
    const flat = (set: ReturnType<typeof squares>) => ({
      x: Float32Array.from(set.images, (v) => v / 255),
      shape: [64],
      y: Int32Array.from(set.labels),
    });
    const session = new Session({
      model,
      data: { train: flat(data.train), test: flat(data.test) },
      config: { epochs: 1, recalibrate: 5 },
    });
    expect(session.recalibrates).toBe(false);
    const run = await finish(session);
    expect(run.epochs[0]).not.toHaveProperty("rawTestAccuracy");
  });

  test("see the hard masks of LTP while it prunes, and leave its gates as they are", async () => {
    const ltp = { method: "ltp" } as const;
    const [raw, got] = [await finish(tinySession(ltp, short)), await finish(tinySession(ltp, on))];
    expect(differing(got.bytes, raw.bytes)).toEqual([]);
    expect(got.epochs.map((e) => [e.rawTestLoss, e.softAccuracy])).toEqual(
      raw.epochs.map((e) => [e.testLoss, e.softAccuracy]),
    );
    expect(got.epochs[0]!.testLoss).not.toBe(raw.epochs[0]!.testLoss);
  });

  test("refuse a count that is no integer >= 0", () => {
    expect(() => tinySession(prune, { recalibrate: -1 })).toThrow("recalibrate: expected an integer >= 0, got -1");
  });
});

testHalf("re-estimates from activations in f16", async () => {
  const run = await finish(tinySession(prune, { ...on, precision: "f16" }));
  expect(run.epochs[1]!.testLoss).not.toBe(run.epochs[1]!.rawTestLoss);
  expect(Number.isFinite(run.epochs[1]!.testLoss)).toBe(true);
});

test("the name of a layer is that in the model", async () => {
  const model = new Sequential([new Sequential([new BatchNorm2d(2)])]);
  expect((await readStatistics(model)).map(({ name }) => name)).toEqual(["0.0"]);
  model.dispose();
});
