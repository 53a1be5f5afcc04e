import { expect, test } from "vitest";
import { accumulate, fill } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import { captureStep, copyInto, empty, Scope } from "../../src/tensor/index.ts";

// An adapter may lack timestamps (device.gpu.test.ts checks the error); where it has them, all of this holds.
const timed = () => currentGpu().device.features.has("timestamp-query");

test("a profile has one row per kernel, with its calls, longest first; results stay the same", async () => {
  if (!timed()) return expect(currentGpu().profile()).rejects.toThrow("no timestamp-query");
  using _scope = new Scope();
  const a = empty([100_000]);
  const b = empty([100_000]);
  const profile = await currentGpu().profile();
  await expect(currentGpu().profile()).rejects.toThrow("another profile is running");
  fill(a, 1);
  copyInto(b, a);
  for (let i = 0; i < 300; i++) accumulate(b, a);
  const rows = await profile.stop();
  // On a busy machine one call may take longer than three hundred.
  expect(new Map(rows.map((r) => [r.kernel, r.calls]))).toEqual(
    new Map([
      ["accumulate", 300],
      ["fill", 1],
    ]),
  );
  expect(rows[0]?.ms).toBeGreaterThanOrEqual(rows[1]?.ms ?? 0);
  expect(rows[0]?.ms).toBeGreaterThan(0);
  expect(rows.every((r) => r.ms >= 0)).toBe(true);
  expect(profile.untimed).toBe(0);
  expect((await b.data())[99_999]).toBe(301);
});

test("replayed steps are timed; after stop, work is untimed again", async () => {
  if (!timed()) return expect(currentGpu().profile()).rejects.toThrow("no timestamp-query");
  using step = captureStep(() => {
    const y = empty([1000]);
    const one = empty([1000]);
    fill(y, 2);
    fill(one, 1);
    accumulate(y, one);
    return { y };
  });
  step.run({});
  const profile = await currentGpu().profile();
  for (let i = 0; i < 7; i++) step.run({});
  const rows = await profile.stop();
  const calls = Object.fromEntries(rows.map((r) => [r.kernel, r.calls]));
  expect(calls).toEqual({ fill: 14, accumulate: 7 });
  step.run({});
  expect((await step.outputs.y.data())[999]).toBe(3);
  const next = await currentGpu().profile();
  expect(await next.stop()).toEqual([]);
});
