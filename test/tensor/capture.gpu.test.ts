import { expect, test } from "vitest";
import { accumulate, fill } from "../../src/autograd/index.ts";
import { CaptureError, currentGpu } from "../../src/gpu/index.ts";
import { softThreshold } from "../../src/ops/soft_threshold.ts";
import {
  type CapturedStep,
  captureStep,
  copyInto,
  empty,
  fillZero,
  readAll,
  Scope,
  scalar,
  type Tensor,
  tensor,
} from "../../src/tensor/index.ts";
import { randomArray } from "../support/random.ts";

const live = () => currentGpu().memory().live;
const input = (n: number, seed = 1) => ({ x: { data: randomArray(n, seed), shape: [n] } });

/** y = S(S(x, d), d) + x, and a running total: dispatches, copies, clears, temporaries and state outside. */
function chain(x: Tensor, d: Tensor, total: Tensor): { y: Tensor; sum: Tensor } {
  const y = empty(x.shape);
  copyInto(y, softThreshold(softThreshold(x, d), d));
  accumulate(y, x);
  const sum = empty(x.shape);
  fillZero(sum);
  accumulate(sum, y);
  accumulate(sum, y);
  if (total.numel === sum.numel) accumulate(total, sum);
  return { y, sum };
}

test("replay equals eager, bit for bit, with state carried along", async () => {
  using _scope = new Scope();
  using d = scalar(0.3);
  const totals = [empty([777]), empty([777])] as [Tensor, Tensor];
  for (const t of totals) fill(t, 0);
  using replayed = captureStep(({ x }: { x: Tensor }) => chain(x, d, totals[0]));
  using eager = captureStep(({ x }: { x: Tensor }) => chain(x, d, totals[1]), { replay: false });
  for (let i = 0; i < 12; i++) {
    d.set(0.1 * i);
    const a = replayed.run(input(777, i));
    const b = eager.run(input(777, i));
    const [ya, yb, ta, tb] = await readAll(a.sum, b.sum, ...totals);
    expect(ya).toEqual(yb);
    expect(ta).toEqual(tb);
  }
});

test("500 replays create nothing", async () => {
  using _scope = new Scope();
  using d = scalar(0.3);
  const total = empty([500]);
  using step = captureStep(({ x }: { x: Tensor }) => chain(x, d, total));
  const batch = input(500);
  step.run(batch);
  await step.outputs.y.data();
  const before = currentGpu().counters();
  const { pooled } = currentGpu().memory();
  for (let i = 0; i < 500; i++) {
    d.set(i / 500);
    step.run(batch);
    if (i % 50 === 0) await step.outputs.y.data();
  }
  expect(currentGpu().counters()).toEqual(before);
  expect(currentGpu().memory().pooled).toBe(pooled);
  expect(currentGpu().stream.stats.replays).toBeGreaterThanOrEqual(500);
});

test("each set of input shapes has its own recording, and its own outputs", async () => {
  using d = scalar(0.3);
  using total = empty([1]);
  let calls = 0;
  using step = captureStep(({ x }: { x: Tensor }) => {
    calls++;
    return chain(x, d, total);
  });
  const a = step.run(input(100)).y;
  const b = step.run(input(40)).y;
  expect(step.run(input(100, 2)).y).toBe(a);
  expect(step.outputs.y).toBe(a);
  expect(step.run(input(40, 2)).y).toBe(b);
  expect(calls).toBe(2);
  // The same shape with another dtype is another recording.
  using count = captureStep(({ x }: { x: Tensor }) => {
    calls++;
    const y = empty(x.shape, x.dtype);
    copyInto(y, x);
    return { y };
  });
  count.run({ x: { data: Float32Array.of(1), shape: [1] } });
  count.run({ x: { data: Int32Array.of(-1), shape: [1] } });
  expect(calls).toBe(4);
  expect(await count.outputs.y.item()).toBe(-1);
});

test("the list is described: kernel, grid, bytes", () => {
  using d = scalar(0.3);
  using total = empty([1]);
  using step = captureStep(({ x }: { x: Tensor }) => chain(x, d, total));
  expect(step.describe()).toEqual([]);
  step.run(input(1000));
  expect(step.describe().map((c) => c.kernel)).toEqual([
    "soft_threshold",
    "soft_threshold",
    "copy",
    "accumulate",
    "clear",
    "accumulate",
    "accumulate",
  ]);
  expect(step.describe()[0]).toEqual({ kernel: "soft_threshold", grid: [1, 1, 1], bytes: 8004 });
});

const refused: [string, (x: Tensor, other: CapturedStep<"x", Record<string, Tensor>>) => unknown, RegExp][] = [
  ["data()", (x) => x.data(), /reading back inside a captured step/],
  ["item()", (x) => x.item(), /reading back inside a captured step/],
  ["readAll", (x) => readAll(x), /reading back inside a captured step/],
  ["set", (x) => x.set([1, 2, 3, 4]), /uploading inside a captured step.*Pass it as an input/],
  ["tensor()", () => tensor([1]), /uploading inside a captured step/],
  ["a step inside a step", (_x, other) => other.run(input(4)), /captured steps do not nest/],
];

test.each(refused)("%s inside is refused, and all memory comes back", async (_what, act, message) => {
  using d = scalar(0.3);
  using other = captureStep(({ x }: { x: Tensor }) => ({ y: softThreshold(x, d) }));
  other.run(input(4));
  const before = live();
  using step = captureStep(({ x }: { x: Tensor }) => {
    empty([5000]);
    const y = softThreshold(x, d);
    act(x, other);
    return { y };
  });
  expect(() => step.run(input(4))).toThrow(message);
  expect(() => step.run(input(4))).toThrow(CaptureError);
  expect(() => step.outputs).toThrow("outputs: the step has not run yet");
  expect(live()).toBe(before);
  // The engine is usable: another step records and replays.
  using good = captureStep(({ x }: { x: Tensor }) => ({ y: softThreshold(x, d) }));
  good.run(input(4));
  good.run(input(4, 9));
  const want = randomArray(4, 9).map((v) => v - Math.max(-Math.fround(0.3), Math.min(Math.fround(0.3), v)));
  expect(await good.outputs.y.data()).toEqual(want);
});

test("any error inside returns the memory and closes the recording", async () => {
  const before = live();
  using step = captureStep(({ x }: { x: Tensor }) => {
    empty([5000]);
    if (x.numel > 2) throw new RangeError("mine");
    return { x };
  });
  expect(() => step.run(input(3))).toThrow("mine");
  expect(live()).toBe(before);
  expect(currentGpu().stream.isRecording).toBe(false);
  step.run(input(2));
  await currentGpu().wait();
});

test("an async function, a missing result and strange results are refused", () => {
  const before = live();
  const run = (fn: unknown) => captureStep(fn as () => Record<string, Tensor>).run({});
  expect(() => run(async () => ({ y: empty([1]) }))).toThrow("fn is async: what follows its first await");
  expect(() => run(() => undefined)).toThrow(/expected fn to return named tensors/);
  expect(() => run(() => ({ y: 3 }))).toThrow("expected fn to return named tensors, got another value for y");
  expect(() =>
    run(() => {
      const y = empty([1]);
      y.dispose();
      return { y };
    }),
  ).toThrow("output y was disposed");
  expect(live()).toBe(before);
});

test("inputs are checked before anything is enqueued", () => {
  const before = live();
  using step = captureStep(({ x }: { x: Tensor }) => ({ x }));
  expect(() => step.run({ x: { data: Float32Array.of(1, 2, 3), shape: [2] } })).toThrow(
    "input x: expected 2 values for shape [2], got 3",
  );
  expect(() => step.run({ x: { data: new Float64Array(2) as unknown as Float32Array, shape: [2] } })).toThrow(
    "got Float64Array",
  );
  expect(live()).toBe(before);
});

test("dispose returns all memory; a later run records again", async () => {
  using d = scalar(0.3);
  using total = empty([1]);
  const before = live();
  const step = captureStep(({ x }: { x: Tensor }) => chain(x, d, total));
  step.run(input(1000));
  step.run(input(2000));
  expect(live()).toBeGreaterThan(before);
  const { y } = step.outputs;
  step.dispose();
  expect(live()).toBe(before);
  expect(y.isDisposed).toBe(true);
  step.run(input(1000));
  expect((await step.outputs.y.data()).length).toBe(1000);
  step.dispose();
  step.dispose();
  expect(live()).toBe(before);
});

test("tensors of others that a step returns stay theirs", async () => {
  using weight = tensor([1, 2]);
  const step = captureStep(({ x }: { x: Tensor }) => ({ weight, x }));
  step.run(input(2));
  step.dispose();
  expect([...(await weight.data())]).toEqual([1, 2]);
});

test("eager work between replays cannot touch the step's memory", async () => {
  using d = scalar(0.25);
  using step = captureStep(({ x }: { x: Tensor }) => ({ y: softThreshold(softThreshold(x, d), d) }));
  const batch = input(300);
  const first = await step.run(batch).y.data();
  for (let i = 0; i < 5; i++) {
    using _scope = new Scope();
    for (const n of [300, 300, 300, 300]) fill(empty([n]), Number.NaN);
    step.run(batch);
    for (const n of [300, 300, 300, 300]) fill(empty([n]), Number.NaN);
    expect(await step.outputs.y.data()).toEqual(first);
  }
});

test("a tensor from outside, freed during or after the recording, is not handed to anybody while the step lives", async () => {
  using d = scalar(0);
  const during = tensor([10, 20]);
  const after = tensor([30, 40]);
  using step = captureStep(({ x }: { x: Tensor }) => {
    const y = softThreshold(x, d);
    accumulate(y, during);
    accumulate(y, after);
    during.dispose();
    return { y };
  });
  const batch = { x: { data: Float32Array.of(1, 2), shape: [2] } };
  step.run(batch);
  after.dispose();
  {
    using _scope = new Scope();
    for (let i = 0; i < 8; i++) fill(empty([2]), 1e6);
    step.run(batch);
  }
  expect([...(await step.outputs.y.data())]).toEqual([41, 62]);
});

test("the host's numbers are frozen, the GPU's are not", async () => {
  let host = 1;
  using gpuNumber = scalar(1);
  using step = captureStep(() => {
    const y = empty([1]);
    fill(y, host);
    accumulate(y, gpuNumber);
    return { y };
  });
  step.run({});
  host = 100;
  gpuNumber.set(10);
  step.run({});
  expect(await step.outputs.y.item()).toBe(11);
});
