// Magnitude pruning in a run: at each cut every layer has the floor of its share at zero, and after the last the target's.
import { expect, test } from "vitest";
import { currentGpu } from "../../../src/gpu/index.ts";
import { sparsityIn, TINY_LAYERS, TINY_WEIGHTS, tensorOf, tinyRun, zerosOf } from "../../support/tiny_session.ts";

const floors = (share: number) =>
  Object.fromEntries(Object.entries(TINY_LAYERS).map(([name, n]) => [name, Math.floor(share * n)]));

/** The published curve, written independently. */
const cubic = (target: number, x: number) => target - target * (1 - Math.min(1, Math.max(0, x))) ** 3;

const targets = [0.5, 0.6, 0.75, 0.8, 0.85, 0.9, 0.95] as const;

test.each(targets)("gmp to %d: zeros of each layer after each cut", async (sparsity) => {
  const every = 4;
  const startEpoch = 0.8; // 4 of 5 steps
  const window = 2.2; // 11 steps
  const run = await tinyRun({ method: "gmp", sparsity, every, startEpoch, window }, {}, 1);
  const last = 4 + 11;
  let cuts = 0;
  let share = 0;
  for (let done = 1; done <= 20; done++) {
    const n = done - 4;
    if (n > 0 && n <= 11 && (n % every === 0 || n === 11)) {
      share = cubic(sparsity, n / 11);
      cuts++;
    }
    expect(zerosOf(run.saved.get(done)!.bytes), `after step ${done}`).toEqual(floors(share));
    expect(run.steps[done - 1]!.threshold).toBe(0);
  }
  expect(cuts).toBe(3);
  expect(zerosOf(run.saved.get(last)!.bytes)).toEqual(floors(sparsity));
  expect(zerosOf(run.bytes)).toEqual(floors(sparsity));
});

test("gmp without a window and steps between cuts: one cut at three quarters of a short run", async () => {
  const run = await tinyRun({ method: "gmp", sparsity: 0.9 }, {}, 1);
  for (let done = 1; done <= 20; done++) {
    expect(zerosOf(run.saved.get(done)!.bytes), `after step ${done}`).toEqual(floors(done < 15 ? 0 : 0.9));
  }
});

test("gmp without a window, with a freeze: three quarters of the steps before it", async () => {
  const run = await tinyRun({ method: "gmp", sparsity: 0.9, every: 1, freezeEpoch: 3.2 }, {}, 1);
  expect(zerosOf(run.saved.get(11)!.bytes)).toEqual(floors(cubic(0.9, 11 / 12)));
  expect(zerosOf(run.saved.get(12)!.bytes)).toEqual(floors(0.9));
  expect(zerosOf(run.bytes)).toEqual(floors(0.9));
});

test.each(targets)("one-shot to %d: before the first step, and after a dense start", async (sparsity) => {
  const now = await tinyRun({ method: "one-shot", sparsity }, { epochs: 1 }, 1);
  for (const [step, { bytes }] of now.saved) expect(zerosOf(bytes), `after step ${step}`).toEqual(floors(sparsity));
  const late = await tinyRun({ method: "one-shot", sparsity, startEpoch: 0.6 }, { epochs: 2 }, 1);
  for (const [step, { bytes }] of late.saved) {
    expect(zerosOf(bytes), `after step ${step}`).toEqual(floors(step < 3 ? 0 : sparsity));
  }
});

test("a cut takes the smallest weights, with their momentum, and leaves the bits of the others", async () => {
  const dense = await tinyRun({ schedule: "none" }, { epochs: 2 }, 1);
  const cut = await tinyRun({ method: "one-shot", sparsity: 0.7, startEpoch: 1 }, { epochs: 2 }, 1);
  for (const [name, n] of Object.entries(TINY_LAYERS)) {
    const [before, after] = [dense, cut].map((r) => tensorOf(r.saved.get(5)!.bytes, `model.${name}`));
    const momentum = tensorOf(cut.saved.get(5)!.bytes, `momentum.${name}`);
    const order = Array.from(before!.keys()).sort((i, j) => Math.abs(before![i]!) - Math.abs(before![j]!));
    const gone = new Set(order.slice(0, Math.floor(0.7 * n)));
    before!.forEach((w, i) => {
      expect(after![i], `${name}[${i}]`).toBe(gone.has(i) ? 0 : w);
      if (gone.has(i)) expect(momentum[i]).toBe(0);
    });
    expect(momentum.some((v) => v !== 0)).toBe(true);
  }
});

test("dense layers count in the target, and the others are pruned more", async () => {
  const dense = ["first", "last"];
  const inner = TINY_LAYERS["3.weight"] + TINY_LAYERS["7.weight"];
  for (const method of ["gmp", "one-shot"] as const) {
    const { bytes } = await tinyRun({ method, sparsity: 0.75, dense });
    const share = (0.75 * TINY_WEIGHTS) / inner;
    expect(zerosOf(bytes)).toEqual({ ...floors(share), "0.weight": 0, "9.weight": 0 });
    expect(Math.abs(sparsityIn(bytes) - 0.75)).toBeLessThan(2 / TINY_WEIGHTS);
  }
});

test("a cut in the middle of a run leaves no buffers behind", async () => {
  await tinyRun({ method: "gmp", sparsity: 0.8, every: 2 });
  const { live } = currentGpu().memory();
  await tinyRun({ method: "gmp", sparsity: 0.8, every: 1 });
  expect(currentGpu().memory().live).toBe(live);
});
