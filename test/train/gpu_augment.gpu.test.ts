// Crops and flips that the GPU makes, in training runs: the bits of a run whose images were augmented on the CPU.
import { expect, test } from "vitest";
import { composeTransforms, DataLoader, randomCrop, randomHorizontalFlip } from "../../src/data/index.ts";
import { manualSeed } from "../../src/nn/index.ts";
import { Scope } from "../../src/tensor/index.ts";
import { type RunConfig, Session, uploadBatch } from "../../src/train/index.ts";
import { squares } from "../support/shapes.ts";
import { differing, finish, tinyConfig, tinyModel } from "../support/tiny_session.ts";

const data = { train: squares(72, 8, 1), test: squares(30, 8, 9) };
const transform = composeTransforms(randomCrop(2), randomHorizontalFlip());

function open(more: Partial<RunConfig>, onCpu: boolean, replay = true): Session {
  const augment = onCpu ? { crop: 0, flip: false } : { crop: 2, flip: true };
  const config = tinyConfig({ threshold: 0.05 }, { epochs: 2, augment, ...more });
  manualSeed(config.seed);
  return new Session({ model: tinyModel(), data, config, replay, ...(onCpu ? { transform } : {}) });
}

test.each([
  ["whole batches", {}],
  ["micro-batches", { microBatch: 5, batchSize: 15 }],
])("%s: the bits of the same run with transforms of the CPU, replayed and eager", async (_, more) => {
  const want = await finish(open(more, true));
  expect(differing((await finish(open(more, false))).bytes, want.bytes)).toEqual([]);
  expect(differing((await finish(open(more, false, false))).bytes, want.bytes)).toEqual([]);
});

test("a run resumed in mid-epoch has the bits of an uninterrupted one", async () => {
  const whole = await finish(open({}, false), 3);
  const second = open({}, false);
  const saved = whole.saved.get(3)!;
  second.load(saved.bytes, "checkpoint");
  expect(differing((await finish(second)).bytes, whole.bytes)).toEqual([]);
});

test("batches of a custom loop are the same images", async () => {
  const { train } = data;
  const order = { dataset: train, batchSize: 31, shuffle: true, seed: 3, epoch: 1 };
  const [batches, wanted] = [
    new DataLoader({ ...order, gpuAugment: { crop: 2, flip: true } }),
    new DataLoader({ ...order, transform })[Symbol.asyncIterator](),
  ];
  for await (const batch of batches) {
    using _scope = new Scope();
    const { value } = await wanted.next();
    expect(await uploadBatch(train, batch).x.data()).toEqual(await uploadBatch(train, value!).x.data());
  }
});
