// The counters between records: sums that may be interrupted anywhere, and their form in a checkpoint.
import fc from "fast-check";
import { expect, test } from "vitest";
import { type CounterState, checkedCounters, FitCounters } from "../../src/train/fit_counters.ts";

const step = fc.record({
  step: fc.nat(),
  loss: fc.double({ min: 0, max: 20, noNaN: true }),
  correct: fc.nat(64),
  samples: fc.integer({ min: 1, max: 64 }),
});
const begin = { thresholdBefore: 0.25, changes: 7 };

test("sums have the same bits wherever they are read, saved and restored", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), fc.nat(20), fc.nat(20), (steps, a, b) => {
      const end = steps.length;
      const [first, second] = [Math.min(a, b, end), Math.min(Math.max(a, b), end)];
      const whole = new FitCounters(0, null, begin);
      whole.add(steps, end);
      const parts = new FitCounters(0, null, begin);
      parts.add(steps.slice(0, first), first);
      parts.add(steps.slice(first, second), second);
      const kept = checkedCounters(JSON.parse(JSON.stringify(parts.state())));
      const resumed = new FitCounters(second, kept, { thresholdBefore: 9, changes: 9 });
      expect(resumed.unread).toBe(second);
      resumed.add(steps.slice(second), end);
      expect(resumed.closeRecord(end)).toEqual(whole.closeRecord(end));
      expect(resumed.state()).toEqual(whole.state());
      expect(resumed.epochMeans).toEqual(whole.epochMeans);
    }),
  );
});

test("a step record resets the sums, an epoch record those of the epoch", () => {
  const counters = new FitCounters(4, null, begin);
  counters.add([{ step: 4, loss: 2, correct: 1, samples: 4 }], 5);
  expect(counters.closeRecord(5)).toEqual({ loss: 2, accuracy: 0.25 });
  counters.add([{ step: 5, loss: 1, correct: 4, samples: 4 }], 6);
  expect(counters.closeRecord(6)).toEqual({ loss: 1, accuracy: 1 });
  expect(counters.epochMeans).toEqual({ loss: 1.5, accuracy: 0.625 });
  counters.closeEpoch(11);
  expect(counters.state()).toEqual({
    logged: 6,
    stretch: { loss: 0, correct: 0, samples: 0 },
    thresholdBefore: 0.25,
    epoch: { loss: 0, accuracy: 0, records: 0 },
    changes: 11,
    lastLoss: 1,
  });
});

test("checks every number of a saved state by name", () => {
  const good: CounterState = new FitCounters(0, null, begin).state();
  expect(checkedCounters(good)).toBe(good);
  for (const path of ["logged", "stretch.loss", "stretch.correct", "stretch.samples", "thresholdBefore"].concat([
    "epoch.loss",
    "epoch.accuracy",
    "epoch.records",
    "changes",
    "lastLoss",
  ])) {
    const [section, key] = path.split(".") as [keyof CounterState, string | undefined];
    const bad = { ...good, [section]: key ? { ...(good[section] as object), [key]: "3" } : "3" };
    expect(() => checkedCounters(bad)).toThrow(new RegExp(`^counters: ${path}: expected .*, got "3"$`));
  }
  for (const other of [null, 3, [], { ...good, stretch: null }])
    expect(() => checkedCounters(other)).toThrow(/^counters: .*: expected .*, got nothing$/);
});
