import fc from "fast-check";
import { expect, test } from "vitest";
import { bytes, count, milliseconds, percent, short, times, UNKNOWN } from "../../../demo/ui/numbers.ts";

test("formats shares, rounded down", () => {
  expect(percent(0.5)).toBe("50.0\u202f%");
  expect(percent(0.98765)).toBe("98.7\u202f%");
  expect(percent(0.949999)).toBe("94.9\u202f%");
  expect(percent(0.57)).toBe("57.0\u202f%");
  expect(percent(0.9912)).toBe("99.12\u202f%");
  expect(percent(1)).toBe("100.0\u202f%");
});

test("a share below 1 never reads as 100 %", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (share) => {
      expect(percent(share)).not.toContain("100");
    }),
  );
});

test("formats counts, sizes and times", () => {
  expect(count(1234567)).toBe("1,234,567");
  expect(count(999)).toBe("999");
  expect(bytes(999)).toBe("999\u202fB");
  expect(bytes(24_140)).toBe("24.1\u202fkB");
  expect(bytes(421_000)).toBe("421\u202fkB");
  expect(bytes(999_600)).toBe("1.0\u202fMB");
  expect(milliseconds(0.004)).toBe("4.0\u202fµs");
  expect(milliseconds(12.345)).toBe("12.3\u202fms");
  expect(milliseconds(14026)).toBe("14\u202fs");
  expect(milliseconds(1234)).toBe("1.2\u202fs");
  expect(milliseconds(999)).toBe("999\u202fms");
  expect(times(17.2)).toBe("17\u202f×");
  expect(times(1.25)).toBe("1.3\u202f×");
});

test("formats three significant digits", () => {
  expect(short(0.0028312)).toBe("0.00283");
  expect(short(0.00001234)).toBe("1.2e-5");
  expect(short(12345)).toBe("12,345");
  expect(short(0)).toBe("0");
});

test("an unknown number is a dash", () => {
  for (const form of [percent, count, short, bytes, milliseconds, times])
    for (const value of [null, undefined, Number.NaN]) expect(form(value)).toBe(UNKNOWN);
});
