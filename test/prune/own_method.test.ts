import { expect, test } from "vitest";
import { noThreshold } from "../../src/prune/method.ts";
import { pruningMethod } from "../../src/prune/own_method.ts";
import { thresholdOfProgress } from "../../src/prune/own_threshold.ts";

test("fills in the members that are absent", () => {
  const method = pruningMethod({ name: "own", group: { mode: "inplace" } });
  expect(method).toMatchObject({ name: "own", group: { mode: "inplace" }, isL1: false });
  expect([method.phase(3), method.values(3), method.thresholdAt(3), method.increment(3)]).toEqual([
    "prune",
    noThreshold.values(),
    0,
    0,
  ]);
  expect(method.begin).toBeUndefined();
});

test("derives threshold and increment from the values", () => {
  const values = (n: number) => ({ threshold: n, thresholdNext: n + 0.5 });
  const method = pruningMethod({ name: "own", group: { mode: "latent" }, values });
  expect([method.thresholdAt(3), method.increment(3)]).toEqual([3, 0.5]);
  const tau = pruningMethod({ name: "own", group: { mode: "inplace" }, values: () => ({ tau: 0.25 }) });
  expect([tau.thresholdAt(3), tau.increment(3)]).toEqual([0, 0.25]);
  const given = pruningMethod({ name: "own", group: {}, values, thresholdAt: () => null, increment: () => 7 });
  expect([given.thresholdAt(3), given.increment(3)]).toEqual([null, 7]);
});

test("keeps the methods and private state of a class", () => {
  class Counter {
    readonly name = "counter";
    readonly group = { mode: "inplace" } as const;
    readonly extra = 1;
    #steps = 0;
    phase() {
      return "mask" as const;
    }
    afterStep() {
      this.#steps++;
    }
    progressAt() {
      return this.#steps;
    }
  }
  const method = pruningMethod(new Counter());
  method.afterStep?.(1);
  method.afterStep?.(2);
  expect([method.phase(0), method.progressAt?.(2), method.name]).toEqual(["mask", 2, "counter"]);
});

test("makes a schedule of a function of the progress", () => {
  const schedule = thresholdOfProgress((p) => 0.4 * p ** 2, 10);
  expect(schedule.final).toBe(0.4);
  expect([0, 5, 10, 12].map((n) => schedule.at(n))).toEqual([0, 0.1, 0.4, 0.4]);
  expect(schedule.fraction(5)).toBeCloseTo(0.25, 12);
  expect(schedule.increment(9)).toBeCloseTo(0.4 - 0.4 * 0.81, 12);
  expect(thresholdOfProgress(() => 0, 10).fraction(3)).toBe(0);
});
