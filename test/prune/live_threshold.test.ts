// A final threshold that changes in a run: the schedule before, the new goal after, and a fall only of latent weights.
import fc from "fast-check";
import { expect, test } from "vitest";
import { LiveThreshold } from "../../src/prune/live_threshold.ts";
import { makeThresholdSchedule } from "../../src/prune/threshold_schedule.ts";

const N = 50;
const run = { totalSteps: N, stepsPerEpoch: 10, epochs: 5, lr: (n: number) => 1 + Math.cos((Math.PI * n) / N) };
const make = () => makeThresholdSchedule({ schedule: "lats", threshold: 0.1 }, run);

test("with latent weights it follows every move, down as well as up", () => {
  const schedule = make();
  const live = new LiveThreshold(schedule, { mayFall: true });
  const moves = new Map([
    [10, 0.5],
    [20, 0.02],
    [30, 0.2],
  ]);
  let final = 0.1;
  let before = 0;
  for (let n = 0; n < N; n++) {
    const moved = moves.get(n);
    if (moved !== undefined) live.setFinal(moved);
    final = moved ?? final;
    const { threshold, thresholdNext, tau } = live.step(n);
    expect(threshold).toBe(before);
    expect(thresholdNext).toBe(final * schedule.fraction(n + 1));
    expect(tau).toBeCloseTo(thresholdNext! - before, 12);
    before = thresholdNext!;
  }
  expect(live.at(N)).toBe(0.2);
});

test("without setFinal it equals the schedule, to the bit", () => {
  const schedule = make();
  const live = new LiveThreshold(schedule, { mayFall: false });
  for (let n = 0; n < N; n++) {
    expect(live.step(n)).toEqual({
      threshold: schedule.at(n),
      thresholdNext: schedule.at(n + 1),
      tau: schedule.increment(n),
    });
  }
  expect(live.at(N)).toBe(0.1);
});

test("moved at any steps to any values: no jump at the change, never down, and the last aim is reached if it can be", () => {
  const move = fc.record({ at: fc.integer({ min: 1, max: N - 2 }), final: fc.double({ min: 0, max: 1, noNaN: true }) });
  fc.assert(
    fc.property(fc.array(move, { minLength: 1, maxLength: 4 }), (moves) => {
      const schedule = make();
      const live = new LiveThreshold(schedule, { mayFall: false });
      let final = 0.1;
      let before = 0;
      for (let n = 0; n < N; n++) {
        for (const m of moves.filter(({ at }) => at === n)) {
          live.setFinal(m.final);
          final = m.final;
        }
        const { threshold = 0, thresholdNext = 0, tau = 0 } = live.step(n);
        expect(threshold).toBe(before);
        expect(thresholdNext).toBe(Math.max(threshold, thresholdNext));
        expect(tau).toBeGreaterThanOrEqual(0);
        if (n >= Math.max(...moves.map(({ at }) => at))) {
          expect(thresholdNext).toBe(Math.max(threshold, final * schedule.fraction(n + 1)));
        }
        before = thresholdNext;
      }
      expect(live.at(N)).toBe(Math.max(final, before));
      expect(live.at(N)).toBeGreaterThanOrEqual(final);
    }),
  );
});
