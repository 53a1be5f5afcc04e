// The table of the experiment: its runs, their order, and their recipes.
import { describe, expect, test } from "vitest";
import { resolveRecipe } from "../../src/recipe/recipe.ts";
import { METHOD_ORDER } from "../../tools/reproduce/methods.ts";
import {
  calibrationId,
  cellName,
  countedRuns,
  isCalibrated,
  markOf,
  PLAN,
  type Plan,
  runRecipe,
  steeringRecipe,
  toleranceAt,
  withoutData,
  withSeeds,
} from "../../tools/reproduce/plan.ts";

const pair = PLAN.pairs[0]!;
const change = (part: Partial<Plan["pairs"][number]>): Plan => ({ ...PLAN, pairs: [{ ...pair, ...part }] });

describe("plan", () => {
  test("contains each run once, and covers all methods and sparsities", () => {
    const runs = countedRuns(PLAN);
    expect(new Set(runs.map(({ id }) => id)).size).toBe(runs.length);
    for (const data of ["mnist", "fashion-mnist"]) {
      for (const method of METHOD_ORDER.filter((name) => !["dense", "one-shot", "snip", "random"].includes(name))) {
        for (const level of ["0.80", "0.90", "0.95", "0.98"]) {
          const seeds = runs.filter(({ id }) => id.startsWith(`${data}/lenet-bn/${method}/${level}/`));
          expect(seeds.length, `${data} ${method} ${level}`).toBeGreaterThanOrEqual(3);
        }
      }
    }
    expect(runs.some(({ id }) => id === "mnist/lenet-bn/lats/0.90/s1")).toBe(true);
    expect(runs.some(({ id }) => id.startsWith("fashion-mnist/resnet-8-narrow/lats/"))).toBe(true);
  });

  test("runs all pairs and methods with one seed before the next seed", () => {
    const runs = countedRuns(PLAN);
    const seeds = runs.map(({ seed }) => seed);
    expect(seeds).toEqual([...seeds].sort((a, b) => a - b));
    const first = runs.filter(({ seed }) => seed === 0);
    const levels = first.map(({ cell }) => cell.level);
    expect(levels).toEqual([...levels].sort((a, b) => a - b));
    expect(runs.slice(0, PLAN.pairs.length).map(({ cell }) => cell.method)).toEqual(PLAN.pairs.map(() => "dense"));
  });

  test("refuses a table that contains a run twice", () => {
    const block = { methods: ["lats"], levels: [0.9], seeds: [0] } as const;
    expect(() => countedRuns(change({ blocks: [block, block] }))).toThrow(/mnist\/lenet-bn\/lats\/0.90\/s0 .*twice/);
  });

  test("makes valid recipes with the common settings", () => {
    for (const { cell, seed } of countedRuns(PLAN)) {
      const recipe = resolveRecipe({ flags: runRecipe(PLAN, cell, seed, cell.method === "str" ? 0.01 : 0.5) });
      expect(recipe).toMatchObject({
        seed,
        batchSize: 64,
        momentum: 0.9,
        weightDecay: 0,
        augment: { crop: 0, flip: false },
        lr: { schedule: "cosine", base: 0.1, warmupEpochs: 0, min: 0 },
        data: { name: cell.pair.data, limit: cell.pair.imagesPerClass },
        epochs: cell.pair.epochs,
        finetuneEpochs: 0,
      });
    }
  });

  test("sets the controlling setting of each method", () => {
    const prune = (method: (typeof METHOD_ORDER)[number], setting: number) =>
      resolveRecipe({ flags: runRecipe(PLAN, { pair, method }, 0, setting) }).prune;
    expect(prune("dense", 0)).toMatchObject({ method: "soft", schedule: "none" });
    expect(prune("lats", 0.07)).toMatchObject({ method: "soft", schedule: "lats", threshold: 0.07 });
    expect(prune("pgh", 0.07)).toMatchObject({ schedule: "pgh", beta: 0.1, threshold: 0.07 });
    expect(prune("early", 0.07)).toMatchObject({ schedule: "pgh-general", freezeEpoch: pair.epochs / 2 });
    expect(prune("at-init", 0.07)).toMatchObject({ method: "at-init", initEpochs: 1, threshold: 0.07 });
    expect(prune("str", 0.004)).toMatchObject({ method: "str", str: { start: -20, decay: 0.004 } });
    expect(prune("ltp", 2)).toMatchObject({ method: "ltp", ltp: { l0: 2, temperature: 1e-2, lr: 10 } });
    expect(prune("gmp", 0.95)).toMatchObject({ method: "gmp", sparsity: 0.95 });
    expect(prune("gmp", 0.95).threshold).toBeUndefined();
  });

  test("steers with the seed that does not count", () => {
    const steered = PLAN.pairs.flatMap((p) =>
      (["lats", "slats", "pgh", "linear", "sine", "early"] as const).map((method) =>
        resolveRecipe({ flags: steeringRecipe(PLAN, { pair: p, method, level: 0.95 }) }),
      ),
    );
    for (const recipe of steered) {
      expect(recipe.seed).toBe(100);
      expect(recipe.prune).toMatchObject({ sparsity: 0.95 });
      expect(recipe.prune.threshold).toBeUndefined();
    }
    // at-init looks for its mask in one epoch at the highest learning rate: that epoch is steered.
    const short = resolveRecipe({ flags: steeringRecipe(PLAN, { pair, method: "at-init", level: 0.9 }) });
    expect(short).toMatchObject({
      epochs: 1,
      lr: { schedule: "constant", base: 0.1 },
      prune: { method: "soft", schedule: "lats", sparsity: 0.9 },
    });
  });

  test("hashes what runs have in common, and nothing else", () => {
    const mark = markOf(PLAN, pair, "lats");
    expect(mark).toMatch(/^[0-9a-f]{8}$/);
    const more = { ...PLAN, tries: 9, pairs: [{ ...pair, blocks: [] }] };
    expect(markOf(more, more.pairs[0]!, "lats")).toBe(mark);
    for (const part of [{ epochs: 9 }, { imagesPerClass: 501 }, { batchSize: 65 }]) {
      expect(markOf(PLAN, { ...pair, ...part }, "lats")).not.toBe(mark);
    }
    for (const part of [{ lr: 0.05 }, { momentum: 0 }, { weightDecay: 1e-4 }, { calibrationSeed: 7 }]) {
      expect(markOf({ ...PLAN, ...part }, pair, "lats")).not.toBe(mark);
    }
    // What has no calibration does not care about its seed.
    expect(markOf({ ...PLAN, calibrationSeed: 7 }, pair, "gmp")).toBe(markOf(PLAN, pair, "gmp"));
    expect(markOf(PLAN, pair, "slats")).not.toBe(mark);
  });

  test("accepts other seeds and leaves data out", () => {
    const seeds = new Set(countedRuns(withSeeds(PLAN, 2)).map(({ seed }) => seed));
    expect([...seeds]).toEqual([0, 1]);
    const left = withoutData(PLAN, ["fashion-mnist"]);
    expect(new Set(left.pairs.map(({ data }) => data))).toEqual(new Set(["mnist"]));
  });

  test("names cells and calibrations, and computes the tolerance of a level", () => {
    const cell = { pair, method: "str", level: 0.9 } as const;
    expect(cellName(cell)).toBe("mnist/lenet-bn/str/0.90");
    expect(calibrationId(cell, 2)).toBe("mnist/lenet-bn/str/0.90/c2");
    expect(METHOD_ORDER.filter((method) => !isCalibrated({ method }))).toEqual([
      ...["dense", "gmp", "one-shot", "snip", "random"],
    ]);
    expect(toleranceAt(0.8)).toBe(0.01);
    expect(toleranceAt(0.98)).toBeCloseTo(0.005, 12);
  });
});
