// Numbers for people: rounding never shows what was not reached.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compact,
  count,
  duration,
  kilobytes,
  mib,
  percent,
  percentNumber,
  plural,
  significant,
  times,
} from "../../src/text/format.ts";

describe("percent", () => {
  test.each([
    [0, "0.00 %"],
    [0.00004, "< 0.01 %"],
    [0.0001, "0.01 %"],
    [0.57, "57.00 %"],
    [0.949999, "94.99 %"],
    [0.95, "95.00 %"],
    [0.99999, "99.99 %"],
    [1 - 2 ** -53, "99.99 %"],
    [1, "100.00 %"],
    [1.25, "125.00 %"],
  ])("writes %d as %s", (share, text) => {
    expect(percent(share)).toBe(text);
  });

  test("takes other digits", () => {
    expect([0.0004, 0.29, 0.9996, 1].map((share) => percent(share, 1))).toEqual([
      "< 0.1 %",
      "29.0 %",
      "99.9 %",
      "100.0 %",
    ]);
    expect(percent(0.999, 0)).toBe("99 %");
  });

  test("rounds every quotient of counts down, exactly", () => {
    const counts = fc
      .integer({ min: 1, max: 10 ** 8 })
      .chain((all) => fc.tuple(fc.integer({ min: 0, max: all }), fc.constant(all)));
    fc.assert(
      fc.property(counts, ([part, all]) => {
        const text = percent(part / all);
        if (text === "< 0.01 %") {
          expect(part).toBeGreaterThan(0);
          expect(part * 10_000).toBeLessThan(all);
          return;
        }
        const hundredths = Number(text.replace(/^(\d+)\.(\d\d) %$/, "$1$2"));
        expect(hundredths).toBe(Number((BigInt(part) * 10_000n) / BigInt(all)));
        expect(text === "100.00 %").toBe(part === all);
        expect(text === "0.00 %").toBe(part === 0);
      }),
      { numRuns: 2000 },
    );
  });
});

test("writes ticks and levels with all their digits", () => {
  expect([0, 0.05, 0.57, 0.995, 0.99995, 1].map(percentNumber)).toEqual(["0", "5", "57", "99.5", "99.995", "100"]);
});

test("groups whole numbers by thousands", () => {
  expect([0, 999, 1000, 1234567.4].map(count)).toEqual(["0", "999", "1,000", "1,234,567"]);
});

test("agrees a noun with its count", () => {
  expect([plural(0, "epoch"), plural(1, "epoch"), plural(3, "epoch")]).toEqual(["0 epochs", "1 epoch", "3 epochs"]);
  expect(plural(2000, "branch", "branches")).toBe("2,000 branches");
});

test("keeps three significant digits", () => {
  expect([0, 0.04123, 0.000015, 12.345, 123456].map((y) => significant(y))).toEqual([
    "0",
    "0.0412",
    "1.5e-5",
    "12.3",
    "1.23e5",
  ]);
  expect(significant(0.123456, 4)).toBe("0.1235");
});

test("shortens large numbers", () => {
  expect([0, 532, 999.6, 12_345, 1.2e6, 4.5e9, 1e12].map((n) => compact(n))).toEqual([
    "0",
    "532",
    "1k",
    "12.3k",
    "1.2M",
    "4.5G",
    "1T",
  ]);
  expect(compact(1200, ["pJ", "nJ"], " ")).toBe("1.2 nJ");
  expect([compact(1.5e-6), compact(1.234e20)]).toEqual(["1.5e-6", "1.23e8T"]);
});

test("writes ratios, sizes and times", () => {
  expect([times(null), times(3.333), times(9.996), times(20), times(99.96), times(1234)]).toEqual([
    "nothing left",
    "3.33x",
    "10.0x",
    "20.0x",
    "100x",
    "1234x",
  ]);
  expect([mib(2 ** 20 * 1.25), mib(2 ** 30, 0), kilobytes(1234)]).toEqual(["1.3 MiB", "1024 MiB", "1.2 kB"]);
  expect([0, 12.34, 59.96, 75, 300, 3599.6, 7500, 7200].map((s) => duration(s))).toEqual([
    "0.0 s",
    "12.3 s",
    "1 min",
    "1 min 15 s",
    "5 min",
    "1 h",
    "2 h 5 min",
    "2 h",
  ]);
  expect(duration(8.6, 0)).toBe("9 s");
});
