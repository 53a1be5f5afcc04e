import { expect, test } from "vitest";
import { batchNorm } from "../../src/ops/batch_norm.ts";
import { AFTER, apply, batchStatistics, gradientApply, gradientSums } from "../../src/ops/norm/passes.ts";
import { empty, readAll, Scope, tensor } from "../../src/tensor/index.ts";
import { channelOf, normalise, trainingGradients } from "../reference/batch_norm.ts";
import { expectClose } from "../support/close.ts";
import { randomArray } from "../support/random.ts";
import { channel, expectRun, fused, norms, product, run } from "./batch_norm_run.ts";

// Channels of 27,000 values in planes of four at a time and one at a time: several slices on every adapter.
const long = [3, 2, 90, 100];
const longNarrow = [3, 2, 91, 99];

test.each(norms)("the statistics used, and running ones with the unbiased variance: %s", async (name) => {
  for (const shape of [
    [4, 3, 5, 5],
    [2, 3],
    [300, 7],
    [64, 5, 9, 7],
    [16, 6, 8, 8],
    [1, 2, 33, 4],
  ]) {
    const data = randomArray(product(shape), 1, 2).map((v) => v + 1);
    expectRun(await run(data, shape, fused[name]), data, shape, name);
  }
});

test("evaluation: the running statistics are used, reported, and stay", async () => {
  const shape = [2, 3, 4];
  const data = randomArray(24, 1);
  const got = await run(data, shape, fused.plain, false);
  const runningVar = channel(3, 7, 1.5);
  expect([...got.runningMean, ...got.runningVar, ...got.mean]).toEqual([
    ...channel(3, 6, 0.4),
    ...runningVar,
    ...channel(3, 6, 0.4),
  ]);
  expectClose(
    got.invstd,
    runningVar.map((v) => 1 / Math.sqrt(v + 1e-5)),
    { rtol: 1e-6, atol: 0 },
  );
});

test.each(norms)("long channels, in slices: %s", async (name) => {
  // 20,001 values in planes shorter than one step of the walk, alone and by fours; one channel of 70,000.
  for (const shape of [long, longNarrow, [6667, 2, 3], [5001, 2, 4], [7, 1, 100, 100]]) {
    const data = randomArray(product(shape), 2, 2).map((v) => v + 1);
    expectRun(await run(data, shape, fused[name]), data, shape, name);
  }
});

test("channels cut for hardware, into more slices than a workgroup joins at once", async () => {
  for (const shape of [
    [2, 1, 300, 300],
    [2, 1, 301, 299],
  ]) {
    using _scope = new Scope();
    const data = randomArray(product(shape), 2, 2).map((v) => v + 1);
    const dys = randomArray(data.length, 8);
    const [x, dy] = [tensor(data, shape), tensor(dys, shape)];
    const [y, dx, dweight, dbias] = [empty(shape), empty(shape), empty([1]), empty([1])];
    const affine = { weight: tensor([1.5]), bias: tensor([0.25]) };
    const stats = batchStatistics(x, affine, null, { eps: 1e-5, momentum: 0.1 }, false);
    apply(y, x, null, stats, AFTER.nothing, false);
    const saved = { x, stats, y: null, after: AFTER.nothing };
    gradientSums(saved, dy, dweight, dbias, false);
    gradientApply(saved, dy, { dweight, dbias }, dx, null, false);
    const got = await readAll(y, dx, dweight, dbias);
    const grads = trainingGradients(shape, data, [1.5], dys);
    const close = { rtol: 3e-6, atol: 1e-6 };
    expectClose(got[0]!, normalise({ shape, training: true }, data, { weight: [1.5], bias: [0.25] }).y, close, "y");
    expectClose(got[1]!, grads.x, close, "dx");
    expectClose(got[2]!, grads.weight, { rtol: 3e-6, atol: 2e-2 }, "dweight");
    expectClose(got[3]!, grads.bias, { rtol: 3e-6, atol: 2e-2 }, "dbias");
  }
});

test("a mean of a thousand deviations", async () => {
  for (const shape of [[16, 3, 12, 12], [16, 3, 11, 11], [2000, 3], long, longNarrow]) {
    const data = randomArray(product(shape), 3).map((v) => v + 1000);
    expectRun(await run(data, shape), data, shape);
  }
});

test("a first value far from all others", async () => {
  for (const shape of [[16, 3, 12, 12], [16, 3, 11, 11], long]) {
    const data = randomArray(product(shape), 3).map((v) => v + 1000);
    data[0] = 0;
    expectRun(await run(data, shape), data, shape, "plain", 1e-5);
  }
});

test("channels of one value each: variance exactly 0", async () => {
  for (const shape of [[4, 2, 6, 6], [4, 2, 5, 5], long]) {
    const value = (i: number) => [0.1, 12345.678][channelOf(shape, i)]!;
    const data = Float32Array.from({ length: product(shape) }, (_, i) => value(i));
    const got = await run(data, shape);
    const bias = channel(2, 5);
    expect([...got.mean]).toEqual([...Float32Array.of(0.1, 12345.678)]);
    expectClose(got.invstd, [316.22777, 316.22777], { rtol: 1e-6, atol: 0 });
    expect(got.y.every((v, i) => v === bias[channelOf(shape, i)])).toBe(true);
    expect([...got.dweight]).toEqual([0, 0]);
  }
});

test("without running statistics none are needed, and the result is the same", async () => {
  using _scope = new Scope();
  const shape = [4, 2, 3, 3];
  const data = randomArray(72, 1);
  const y = batchNorm(tensor(data, shape), null, null, null, null, { training: true });
  expectClose(await y.data(), normalise({ shape, training: true }, data).y, { rtol: 1e-5, atol: 1e-6 });
});
