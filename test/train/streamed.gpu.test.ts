// Sessions on data that is streamed as bytes, against sessions on the same images in memory.
import { expect, test } from "vitest";
import { currentGpu } from "../../src/gpu/index.ts";
import { manualSeed } from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { Evaluator, GradientSum, planTraining, type RunConfig, Session, TrainStep } from "../../src/train/index.ts";
import { type FakeStreamOptions, fakeStream } from "../support/fake_stream.ts";
import { squares } from "../support/shapes.ts";
import { differing, finish, tinyConfig, tinyModel } from "../support/tiny_session.ts";

const data = { train: squares(72, 8, 1), test: squares(60, 8, 9) };
const plain: Partial<RunConfig> = { augment: { crop: 0, flip: false }, epochs: 2 };

function inMemory(more: Partial<RunConfig> = {}): Session {
  const config = tinyConfig({ threshold: 0.05 }, { ...plain, ...more });
  manualSeed(config.seed);
  return new Session({ model: tinyModel(), data, config });
}

function streamed(options: FakeStreamOptions = {}, more: Partial<RunConfig> = {}) {
  const config = tinyConfig({ threshold: 0.05 }, { ...plain, ...more });
  const [train, held] = [fakeStream(data.train, options), fakeStream(data.test, { margin: options.margin ?? 0 })];
  manualSeed(config.seed);
  return { session: new Session({ model: tinyModel(), data: { train, test: held }, config }), train, held };
}

const withoutTime = (records: readonly object[]) => records.map((r) => ({ ...r, seconds: 0 }));

test.each([
  ["whole images", 0, {}],
  ["images cut out of larger ones, every second mirrored", 2, {}],
  ["the same in micro-batches whose bytes fill no whole words", 1, { microBatch: 1 }],
])("%s: the bits and the records of the same images in memory", async (_name, margin, more) => {
  const live = currentGpu().memory().live;
  const want = await finish(inMemory(more));
  const { session, train, held } = streamed({ margin }, more);
  const got = await finish(session);
  expect(differing(got.bytes, want.bytes)).toEqual([]);
  expect(withoutTime(got.records)).toEqual(withoutTime(want.records));
  // Every batch was recycled, and what was written into it afterwards had no effect.
  for (const stream of [train, held]) {
    expect(stream.given).toBeGreaterThan(0);
    expect([stream.open, stream.recycled]).toEqual([0, stream.given]);
  }
  expect(currentGpu().memory().live).toBe(live);
});

test("a run resumed in mid-epoch has the bits of an uninterrupted one", async () => {
  const whole = await finish(streamed({ margin: 1 }).session, 3);
  const second = streamed({ margin: 1 });
  const saved = whole.saved.get(3)!;
  expect(saved.position).toEqual({ step: 3, epoch: 0, batch: 3 });
  second.session.load(saved.bytes, "checkpoint");
  const rest = await finish(second.session);
  expect(second.train.given).toBe(7); // batches 3 and 4, and an epoch of 5
  expect(differing(rest.bytes, whole.bytes)).toEqual([]);
});

test("reading stops whenever a run stops", async () => {
  const stop = new AbortController();
  const aborted = streamed();
  const result = await aborted.session.fit({ signal: stop.signal, onStep: ({ step }) => step === 2 && stop.abort() });
  expect(result.position).toEqual({ step: 2, epoch: 0, batch: 2 });
  expect([aborted.train.open, aborted.train.given]).toEqual([0, 2]);

  const thrown = streamed();
  const beforeStep = ({ step }: { step: number }) => {
    if (step === 1) throw new Error("the host had enough");
  };
  await expect(thrown.session.fit({ beforeStep })).rejects.toThrow("the host had enough");
  expect(thrown.train.open).toBe(0);

  const broken = streamed({
    onBatch: (batch, epoch) => {
      if (epoch === 1 && batch === 2) throw new Error("train/n01/cat.JPEG: not an image");
    },
  });
  await expect(broken.session.fit()).rejects.toThrow(/^train\/n01\/cat\.JPEG: not an image$/);
  expect(broken.train.open).toBe(0);

  const short = streamed({ lost: 2 });
  await expect(short.session.fit()).rejects.toThrow(
    "data set streamed squares: 72 images make 5 batches of 16, the epoch ended after 3",
  );
  for (const { session } of [aborted, thrown, broken, short]) session.dispose();
});

test("refuses augmentation of a stream, which augments its images itself", () => {
  for (const augment of [
    { crop: 2, flip: false },
    { crop: 0, flip: true },
  ]) {
    expect(() => streamed({}, { augment })).toThrow(
      `augment: expected crop 0 and flip false, got ${augment.crop} and ${augment.flip}: data set streamed squares is streamed`,
    );
  }
});

test("steps and evaluations create no resources after the first of every shape", async () => {
  const { session } = streamed({ margin: 1 }, { epochs: 4, microBatch: 8 });
  const gpu = currentGpu();
  const seen: unknown[] = [];
  await session.fit({ onStep: ({ batch, epoch }) => batch === 1 && epoch > 0 && seen.push(gpu.counters()) });
  expect(seen).toHaveLength(3);
  expect(seen[1]).toEqual(seen[0]);
  expect(seen[2]).toEqual(seen[0]);
  session.dispose();
});

test("a plan counts one byte per value of the images, and the crops", () => {
  const config = tinyConfig({ threshold: 0.05 }, plain);
  const options = { build: tinyModel, sample: [1, 8, 8] as const, classes: 4, config, trainImages: 2048 };
  const big = { ...options, config: { ...config, batchSize: 2048 } };
  const labels = 4 * 2048;
  expect(planTraining(big).inputs - labels).toBe(64 * 2048);
  expect(planTraining({ ...big, stored: [8, 8] }).inputs - labels).toBe(64 * 2048);
  const cut = planTraining({ ...big, stored: [16, 8] });
  expect(cut.inputs - labels).toBe(128 * 2048 + 16 * 2048);
  expect(cut.peak).toBeGreaterThan(cut.inputs);
  const here = { ...options, adapter: currentGpu().adapter, trainImages: 72, testImages: 60 };
  const { session } = streamed();
  expect(session.rehearse([10, 12], [10, 12])[0]).toEqual(planTraining({ ...here, stored: [10, 12] }).step);
  session.dispose();
  expect(() => planTraining({ ...big, stored: [8, 7] })).toThrow("stored: expected an integer >= 8, got 7");
});

test("refuses batches that do not fit, by name", () => {
  const model = tinyModel();
  const optimizer = new SGD(model.parameters(), { lr: 0.1 });
  const sample = [1, 8, 8];
  const scale = { mean: [0.5], std: [0.25] };
  const step = new TrainStep({ model, optimizer, sample, scale });
  const batch = { x: new Uint8Array(200), stored: [10, 10] as const, y: new Int32Array(2), size: 2 };
  const run = (change: object, on = step) => on.run({ ...batch, ...change }, { step: 0, lr: 0.1 });
  expect(() => run({})).toThrow("train: a batch without crops: expected images of 8x8, got 10x10");
  expect(() => run({ crop: Int32Array.of(0, 0, 0, 0, 3, 0, 1, 0) })).toThrow(
    "train: crop of image 1: expected [0..2, 0..2, 0 or 1, 0] to cut 8x8 out of 10x10, got [3, 0, 1, 0]",
  );
  expect(() => run({ x: new Uint8Array(199) })).toThrow(
    "train: 2 images [1,10,10]: expected 200 bytes and 2 labels, got 199 and 2",
  );
  const whole = { x: new Uint8Array(128), stored: [8, 8] as const };
  // Of a batch that is taken in parts, the number is that in the batch.
  const micro = new TrainStep({
    model,
    optimizer,
    sample,
    scale,
    micro: new GradientSum(optimizer, { batchSize: 2, microBatch: 1 }),
  });
  expect(() => run({ crop: Int32Array.of(0, 0, 0, 0, 0, 3, 0, 0) }, micro)).toThrow("crop of image 1: expected");
  const without = new TrainStep({ model, optimizer, sample });
  expect(() => run(whole, without)).toThrow(
    "train: a batch of bytes: expected a scale (mean and std of the data set), got none",
  );
  const flat = new TrainStep({ model, optimizer, sample: [64], scale });
  expect(() => run(whole, flat)).toThrow("train: a batch of bytes: expected samples [c, h, w], got [64]");
  const evaluator = new Evaluator(model, { sample });
  model.eval();
  expect(() => evaluator.enqueue({ ...batch, ...whole }, 0)).toThrow("evaluate: a batch of bytes: expected a scale");
  for (const part of [step, micro, without, flat, evaluator, optimizer, model]) part.dispose();
});

test("explains a non-finite loss on bytes too", async () => {
  const { session } = streamed({ margin: 1 }, { lr: { schedule: "constant", base: 1e30 }, microBatch: 4 });
  await expect(session.fit()).rejects.toThrow(
    /loss of step \d+ is not finite: first bad op \w+ \((forward|backward), \[/,
  );
  session.dispose();
});
