// A share of zeros instead of a threshold, with the threshold steered: soft thresholds end within half a point of it under every
// rising schedule.
import { expect, test } from "vitest";
import { THRESHOLD_SCHEDULES } from "../../../src/prune/index.ts";
import { bent } from "../../support/own_settings.ts";
import {
  finish,
  sparsityIn,
  TINY_LAYERS,
  TINY_WEIGHTS,
  type TinyMore,
  tinyRun,
  tinySession,
  zerosOf,
} from "../../support/tiny_session.ts";

const rising = THRESHOLD_SCHEDULES.filter((name) => name !== "constant" && name !== "none");
const more: TinyMore = { epochs: 6 };

test.each(rising.flatMap((schedule) => [0.8, 0.95].map((sparsity) => ({ schedule, sparsity }))))(
  "$schedule to $sparsity",
  async ({ schedule, sparsity }) => {
    const steer = "threshold";
    const { bytes, epochs, steps } = await tinyRun({ schedule, sparsity, steer, ...bent(schedule, 0.1) }, more);
    expect(Math.abs(sparsityIn(bytes) - sparsity)).toBeLessThan(0.005);
    expect(epochs.at(-1)!.sparsity).toBe(sparsityIn(bytes));
    // The threshold rises from 0, never falls, and is not there at once.
    const thresholds = steps.map((s) => s.threshold);
    expect(thresholds).toEqual(thresholds.toSorted((a, b) => a - b));
    expect(epochs[0]!.sparsity).toBeLessThan(sparsity);
    expect(thresholds[0]).toBeLessThan(thresholds.at(-1)!);
  },
);

test.each([
  { dense: ["first"], spared: ["0.weight"] },
  { dense: ["first", "last"], spared: ["0.weight", "9.weight"] },
  { dense: ["3"], spared: ["3.weight"] },
  { dense: ["/^[09]/", "3.weight"], spared: ["0.weight", "3.weight", "9.weight"] },
] as const)("layers left dense count, and the others make up for them: $dense", async ({ dense, spared }) => {
  const sparsity = 0.6;
  const { bytes, epochs } = await tinyRun({ sparsity, steer: "threshold", dense }, more);
  const zeros = zerosOf(bytes);
  for (const [name, count] of Object.entries(zeros)) {
    if ((spared as readonly string[]).includes(name)) expect(count, name).toBe(0);
    else expect(count, name).toBeGreaterThan(0);
  }
  expect(Math.abs(sparsityIn(bytes) - sparsity)).toBeLessThan(0.005);
  const total = epochs.at(-1)!.layers.reduce((n, l) => n + l.weights, 0);
  expect(total).toBe(TINY_WEIGHTS);
  expect(epochs.at(-1)!.sparsity).toBe(sparsityIn(bytes));
});

test("refuses a target that the other layers cannot reach, and names their share", async () => {
  const dense = ["7"];
  const most = Math.floor((10000 * (TINY_WEIGHTS - TINY_LAYERS["7.weight"])) / TINY_WEIGHTS) / 100;
  const wanted = new RegExp(`sparsity: expected at most ${most} %.*got 80 %`);
  for (const method of ["soft", "gmp", "one-shot", "at-init"] as const) {
    expect(() => tinySession({ method, sparsity: 0.8, dense }), method).toThrow(wanted);
    expect(() => tinySession({ method, sparsity: 0.8, dense }), method).toThrow(RangeError);
  }
  for (const method of ["snip", "random"] as const) {
    const session = tinySession({ method, sparsity: 0.8, dense });
    await expect(session.fit(), method).rejects.toThrow(wanted);
    session.dispose();
  }
});

test("a target reached early stays within half a point until the end", async () => {
  const session = tinySession({ sparsity: 0.8, steer: "threshold", freezeEpoch: 3 }, more);
  const { epochs } = await finish(session);
  expect(Math.abs(epochs[2]!.sparsity - 0.8)).toBeLessThan(0.005);
  for (const { sparsity } of epochs.slice(3)) expect(sparsity).toBe(epochs[2]!.sparsity);
});

test("reaches the target at the end of the window, and holds it", async () => {
  const { epochs } = await tinyRun({ sparsity: 0.8, steer: "threshold", window: 3 }, more);
  // Weights move on at the learning rate of mid-run, and those near the threshold cross it.
  for (const { sparsity } of epochs.slice(2)) expect(Math.abs(sparsity - 0.8)).toBeLessThan(0.05);
});
