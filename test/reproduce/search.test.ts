// The search for a setting, on simulated methods whose sparsity is a known function of it.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  guessFrom,
  logit,
  nearTarget,
  type SearchOptions,
  type SearchPoint,
  searchStep,
} from "../../tools/reproduce/search.ts";

const base: SearchOptions = { target: 0.9, tolerance: 0.01, first: 0.01, slope: 2, least: 1e-6, most: 1e3 };
const sigmoid = (y: number) => 1 / (1 + Math.exp(-y));

/** Searches until it ends; returns the points that it tried and the end. */
function search(
  sparsityOf: (setting: number) => number | null,
  options: SearchOptions,
  tries: number,
  known: readonly SearchPoint[] = [],
) {
  const points = [...known];
  for (let left = tries; ; left--) {
    const step = searchStep(points, left, options);
    if (step.kind !== "try") return { step, points, runs: points.length - known.length };
    points.push({ setting: step.setting, sparsity: sparsityOf(step.setting) });
  }
}

describe("search", () => {
  test("solves a straight line in at most four runs if the guessed slope is within a factor of 2", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 4, noNaN: true }),
        fc.double({ min: Math.log(2e-3), max: Math.log(5e-2), noNaN: true }),
        fc.constantFrom(0.8, 0.9, 0.95, 0.98),
        (rise, at, target) => {
          const tolerance = Math.min(0.01, (1 - target) / 4);
          const line = (setting: number) => sigmoid(rise * (Math.log(setting) - at) + logit(0.9));
          const { step, runs } = search(line, { ...base, target, tolerance }, 4);
          expect(step).toMatchObject({ kind: "found", near: true });
          expect(runs).toBeLessThanOrEqual(4);
        },
      ),
    );
  });

  test("ends within the tolerance on any smooth rising curve, given enough tries", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.3, max: 5, noNaN: true }),
        fc.double({ min: 0, max: 3, noNaN: true }),
        fc.double({ min: -6, max: 0, noNaN: true }),
        fc.constantFrom(0.8, 0.9, 0.95, 0.98),
        (rise, bend, at, target) => {
          // Steeper to the right of `at`, as where a network begins to collapse.
          const curve = (setting: number) => {
            const x = Math.log(setting) - at;
            return sigmoid(rise * x + bend * Math.log1p(Math.exp(x)) + 1);
          };
          const { step } = search(curve, { ...base, target, tolerance: 0.004, most: 1e12 }, 40);
          expect(step).toMatchObject({ kind: "found", near: true });
        },
      ),
    );
  });

  test("uses points of other levels and does not repeat them", () => {
    const curve = (setting: number) => sigmoid(1.7 * Math.log(setting) + 7);
    const first = search(curve, { ...base, target: 0.9 }, 4);
    const again = search(curve, { ...base, target: 0.9 }, 4, first.points);
    expect(again.runs).toBe(0);
    const next = search(curve, { ...base, target: 0.95 }, 4, first.points);
    expect(next.runs).toBeLessThanOrEqual(2);
    expect(next.step).toMatchObject({ near: true });
  });

  test("ends with the nearest point when the tries are used up", () => {
    // A cliff: nothing between 40 % and 99 %.
    const cliff = (setting: number) => (setting < 0.02 ? 0.4 : 0.99);
    const { step, runs } = search(cliff, base, 4);
    expect(runs).toBe(4);
    expect(step).toMatchObject({ kind: "found", sparsity: 0.99, near: false });
  });

  test("narrows down a cliff until its edges meet", () => {
    const cliff = (setting: number) => (setting < 0.02 ? 0.4 : 0.99);
    const { step, points, runs } = search(cliff, base, 100);
    expect(runs).toBeLessThan(60);
    expect(step.kind).toBe("found");
    const low = Math.max(...points.filter((p) => p.sparsity === 0.4).map((p) => p.setting));
    const high = Math.min(...points.filter((p) => p.sparsity === 0.99).map((p) => p.setting));
    expect(high / low).toBeLessThan(1.05);
  });

  test("extrapolates by at most a factor of 8, and stays in its range", () => {
    const steps = fc.array(
      fc.record({
        setting: fc.double({ min: 1e-6, max: 1e3, noNaN: true }),
        sparsity: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: null }),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(steps, (points) => {
        const step = searchStep(points, 3, base);
        if (step.kind !== "try") return;
        expect(step.setting).toBeGreaterThanOrEqual(base.least * (1 - 1e-12));
        expect(step.setting).toBeLessThanOrEqual(base.most * (1 + 1e-12));
        const known = points.filter((p) => p.sparsity !== null).map((p) => p.setting);
        if (known.length === 0) return;
        expect(step.setting).toBeLessThanOrEqual(8.001 * Math.max(...known));
      }),
    );
  });

  test("stays below settings that broke down", () => {
    const breaks = (setting: number) => (setting > 0.03 ? null : sigmoid(1.5 * Math.log(setting) + 6));
    const { step, points } = search(breaks, { ...base, first: 0.5 }, 8);
    expect(points[0]).toEqual({ setting: 0.5, sparsity: null });
    expect(step.kind).toBe("found");
    const all = search(() => null, base, 4);
    expect(all.step).toEqual({ kind: "failed" });
    expect(all.runs).toBe(4);
  });

  test("continues if noise swaps two points", () => {
    const points = [
      { setting: 0.01, sparsity: 0.93 },
      { setting: 0.012, sparsity: 0.87 },
    ];
    const step = searchStep(points, 2, base);
    expect(step.kind).toBe("try");
  });

  test("ends at the nearest of all points, however noisy they are", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -0.4, max: 0.4, noNaN: true }), { minLength: 4, maxLength: 4 }),
        (noise) => {
          let n = 0;
          const noisy = (setting: number) => sigmoid(1.5 * Math.log(setting) + 8 + (noise[n++] ?? 0));
          const { step, points } = search(noisy, base, 4);
          const nearest = Math.min(...points.map((p) => Math.abs((p.sparsity ?? 2) - base.target)));
          expect(step.kind === "found" && Math.abs(step.sparsity - base.target)).toBe(nearest);
        },
      ),
    );
  });

  test("names the wrong option", () => {
    expect(() => searchStep([], 1, { ...base, target: 1 })).toThrow(/target: expected a share in \(0, 1\), got 1/);
    expect(() => searchStep([], 1, { ...base, slope: 0 })).toThrow(/slope/);
    expect(() => searchStep([], 1, { ...base, first: 1e-9 })).toThrow(/first/);
    expect(() => searchStep([], 1, { ...base, firstAt: 1 })).toThrow(/firstAt/);
    expect(() => searchStep([], 1, { ...base, most: 1e-7 })).toThrow(/most/);
    expect(() => searchStep([], 1, { ...base, least: 0 })).toThrow(/least/);
    expect(() => searchStep([], 1, { ...base, tolerance: -1 })).toThrow(/tolerance/);
  });
});

describe("noise", () => {
  test("goes half way to the other side of the target where its line leads to a place that was tried", () => {
    // The line through the second and third point leads to the first, whose share noise has moved.
    const points = [
      { setting: 0.01557, sparsity: 0.9487 },
      { setting: 0.01533, sparsity: 0.9488 },
      { setting: 0.0174, sparsity: 0.9578 },
    ];
    const step = searchStep(points, 2, { ...base, target: 0.95, tolerance: 0.001 });
    expect(step.kind === "try" && step.setting).toBeCloseTo(Math.sqrt(0.01557 * 0.0174), 9);
    expect(searchStep(points, 0, { ...base, target: 0.95, tolerance: 0.001 })).toMatchObject({
      kind: "found",
      near: false,
    });
  });
});

describe("noise on one side", () => {
  test("goes further where all places were tried and all shares are on one side of the target", () => {
    // The line through these points leads to the third one.
    const points = [
      { setting: 0.1079, sparsity: 0.898 },
      { setting: 0.1098, sparsity: 0.8975 },
      { setting: 0.1096, sparsity: 0.8979 },
    ];
    const options = { ...base, tolerance: 0.001, first: 0.1096, slope: 1.5 };
    const step = searchStep(points, 2, options);
    expect(step.kind === "try" && step.setting).toBeGreaterThan(0.1105);
    expect(step.kind === "try" && step.setting).toBeLessThan(0.12);
  });
});

describe("guess from other seeds", () => {
  test("begins at the guess of a target, whatever its share", () => {
    const step = searchStep([], 3, { ...base, target: 0.98, first: 0.2, firstAt: 0.98 });
    expect(step.kind === "try" && step.setting).toBeCloseTo(0.2, 12);
  });

  test("guesses setting and slope from results of other seeds near the target", () => {
    const line = (setting: number) => sigmoid(1.5 * Math.log(setting) + 7);
    const points = [0.03, 0.05, 0.06, 2].map((setting) => ({ setting, sparsity: line(setting) }));
    const target = line(0.045);
    const { first, slope } = guessFrom(points, target, 3)!;
    expect(first).toBeCloseTo(0.045, 6);
    expect(slope).toBeCloseTo(1.5, 6);
    expect(nearTarget(points, target)).toEqual(points.slice(0, 3));
    // One point, or noise that swaps two: the given slope, through the near points.
    expect(guessFrom(points.slice(0, 1), line(0.03), 3)).toEqual({ first: expect.closeTo(0.03, 9), slope: 3 });
    const swapped = [0.93, 0.9].map((sparsity, i) => ({ setting: 0.01 * (i + 1), sparsity }));
    expect(guessFrom(swapped, 0.915, 3)!.slope).toBe(3);
    expect(guessFrom(points, 0.2, 3)).toBeNull();
    expect(guessFrom([{ setting: 1, sparsity: null }], 0.9, 3)).toBeNull();
  });
});
