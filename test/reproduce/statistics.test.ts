// Means, spreads, the best of a level, and differences seed by seed.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ResultLine } from "../../tools/reproduce/lines.ts";
import type { MethodName } from "../../tools/reproduce/methods.ts";
import { bestOf, pairedDifference, type Summary, spreadOf, summarize } from "../../tools/reproduce/statistics.ts";
import { madeUpResults, SMALL } from "./made_up.ts";

const pair = SMALL.pairs[0]!;
const model = (await madeUpResults()).find(({ id }) => id === "mnist/lenet-bn/lats/0.80/s0")!;

function summary(method: MethodName, accuracies: readonly (number | null)[], sparsity = 0.8): Summary {
  const lines = accuracies.map((accuracy, seed): ResultLine => {
    const result = { accuracy, sparsity: accuracy === null ? null : sparsity };
    return { ...model, ...result, method, seed, id: `mnist/lenet-bn/${method}/0.80/s${seed}` };
  });
  const found = summarize({ pair, method, level: 0.8 }, lines);
  if (!found || !("accuracy" in found)) throw new Error("no summary");
  return found;
}

describe("statistics", () => {
  test("computes the mean and the standard deviation of a sample", () => {
    expect(spreadOf([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, sd: Math.sqrt(32 / 7), n: 8 });
    expect(spreadOf([3])).toEqual({ mean: 3, sd: null, n: 1 });
    expect(() => spreadOf([])).toThrow(/at least one value/);
    const values = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 9 });
    fc.assert(
      fc.property(values, fc.double({ min: -3, max: 3, noNaN: true }), (list, shift) => {
        const [a, b] = [spreadOf(list), spreadOf(list.map((v) => v + shift))];
        expect(b.mean).toBeCloseTo(a.mean + shift, 9);
        expect(b.sd).toBeCloseTo(a.sd!, 6);
      }),
    );
  });

  test("excludes runs that broke down, and counts them", () => {
    expect(summary("lats", [0.9, null, 0.92])).toMatchObject({ failed: 1, accuracy: { n: 2 } });
    const broken = { ...model, accuracy: null, sparsity: null };
    expect(summarize({ pair, method: "lats", level: 0.8 }, [broken])).toEqual({ failed: 1 });
    expect(summarize({ pair, method: "lats", level: 0.9 }, [broken])).toBeNull();
  });

  test("checks that the level was met", () => {
    expect(summary("lats", [0.9], 0.809).matched).toBe(true);
    expect(summary("lats", [0.9], 0.789).matched).toBe(false);
  });

  test("finds the best and those within its standard deviation", () => {
    const lats = summary("lats", [0.9, 0.92, 0.94]);
    const all = [summary("gmp", [0.901, 0.9, 0.9]), lats, summary("slats", [0.8, 0.8, 0.8])];
    expect(bestOf(all)?.best).toBe(lats);
    expect(bestOf(all)?.level.map(({ cell }) => cell.method)).toEqual(["gmp", "lats"]);
    expect(bestOf([])).toBeNull();
  });

  test("excludes a network with too many weights from the best, but not one with too few", () => {
    const easy = summary("ltp", [0.99, 0.99], 0.7);
    const hard = summary("str", [0.95, 0.95], 0.86);
    const met = summary("lats", [0.9, 0.9]);
    expect(bestOf([easy, met])?.best).toBe(met);
    expect(bestOf([easy, met, hard])?.best).toBe(hard);
  });

  test("compares seed by seed", () => {
    const a = summary("lats", [0.9, 0.92, 0.94]);
    const b = summary("gmp", [0.89, 0.9, null]);
    const difference = pairedDifference(a, b);
    expect(difference?.mean).toBeCloseTo(0.015, 12);
    expect(difference?.sd).toBeCloseTo(Math.sqrt(0.00005), 12);
    expect(difference?.n).toBe(2);
    expect(pairedDifference(a, { ...b, runs: new Map() })).toBeNull();
  });
});
