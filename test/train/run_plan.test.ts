// A run may continue with another length only if both plans agree on the steps already done.
import { describe, expect, test } from "vitest";
import { pastDifference, planRun } from "../../src/train/run_plan.ts";
import { type TinyMore, type TinyPrune, tinyConfig } from "../support/tiny_session.ts";

const STEPS = 5;
const constant = { schedule: "constant", base: 0.05 } as const;

/** The difference between a run of 2 epochs and one of `epochs`, of which `done` steps are done. */
function difference(prune: TinyPrune, more: TinyMore, change: TinyMore = { epochs: 4 }, done = 2 * STEPS) {
  const [was, now] = [
    { epochs: 2, ...more },
    { epochs: 2, ...more, ...change },
  ].map((settings) => planRun(tinyConfig(prune, settings), STEPS)) as [
    ReturnType<typeof planRun>,
    ReturnType<typeof planRun>,
  ];
  return pastDifference(was, now, done);
}

describe("more epochs may continue", () => {
  test.each<[string, TinyPrune, TinyMore]>([
    ["a constant rate without pruning", { schedule: "none" }, { lr: constant }],
    ["a constant rate after a warm-up", { schedule: "none" }, { lr: { ...constant, warmupEpochs: 1 } }],
    ["steps", { schedule: "none" }, { lr: { schedule: "step", base: 0.1, every: 1, gamma: 0.5 } }],
    ["milestones", { schedule: "none" }, { lr: { schedule: "multistep", base: 0.1, milestones: [1, 3] } }],
    ["a constant threshold", { schedule: "constant", threshold: 0.05 }, { lr: constant }],
    ["a threshold that rises in a window", { threshold: 0.05, window: 1 }, { lr: constant }],
    ["a threshold by its pressure", { lambda: 1e-3 }, { lr: constant }],
    ["gmp in a window", { method: "gmp", sparsity: 0.5, window: 1 }, { lr: constant }],
    ["one cut", { method: "one-shot", sparsity: 0.5 }, { lr: constant }],
    ["a mask of before training", { method: "random", sparsity: 0.5 }, { lr: constant }],
    ["fista in a window", { threshold: 0.05, window: 1, mode: "inplace", accelerated: true }, { lr: constant }],
    ["a target reached in a window", { sparsity: 0.5, window: 1 }, { lr: constant }],
  ])("%s", (_name, prune, more) => {
    expect(difference(prune, more)).toBeNull();
  });
});

describe("schedules over the whole length may not continue", () => {
  test.each<[string, TinyPrune, TinyMore, string]>([
    ["cosine", { schedule: "none" }, {}, "learning rate"],
    ["a threshold that rises to the end", { threshold: 0.05 }, { lr: constant }, "threshold"],
    ["proximal steps to the end", { threshold: 0.05, mode: "inplace" }, { lr: constant }, "threshold"],
    ["a target at the end", { sparsity: 0.5 }, { lr: constant }, "pruning"],
    ["gmp over three quarters", { method: "gmp", sparsity: 0.5 }, { lr: constant }, "pruning"],
    ["ltp, which freezes after two thirds", { method: "ltp" }, { lr: constant }, "phase"],
  ])("%s", (_name, prune, more, what) => {
    expect(difference(prune, more)).toMatchObject({ what });
  });

  test("names the first step that differs, with both values", () => {
    const found = difference({ schedule: "none" }, {});
    expect(found).toMatchObject({ what: "learning rate", step: 1 });
    expect(found?.was).not.toBe(found?.now);
  });
});

test("learned thresholds continue until their end, which bakes them", () => {
  expect(difference({ method: "str" }, { lr: constant }, { epochs: 4 }, 9)).toBeNull();
  expect(difference({ method: "str" }, { lr: constant })).toMatchObject({ what: "phase", step: 10, was: "mask" });
});

test("fine-tuning may be added before it starts, and made longer or shorter", () => {
  const prune: TinyPrune = { threshold: 0.05, freezeEpoch: 1 };
  expect(difference(prune, {}, { finetuneEpochs: 1 }, 7)).toBeNull();
  expect(difference({ threshold: 0.05 }, {}, { finetuneEpochs: 1 }, 9)).toBeNull();
  // The end of the epochs would have been a bake.
  expect(difference({ threshold: 0.05 }, {}, { finetuneEpochs: 1 }, 10)).toMatchObject({ what: "phase", step: 10 });
  expect(difference({ threshold: 0.05 }, { finetuneEpochs: 1 }, { finetuneEpochs: 3 }, 12)).toBeNull();
});

test("a run that has not started has no past; a long one is compared at some steps", () => {
  expect(difference({ threshold: 0.05 }, {}, { epochs: 4 }, 0)).toBeNull();
  const [was, now] = [1e6, 2e6].map((epochs) => planRun(tinyConfig({ schedule: "none" }, { epochs }), STEPS)) as [
    ReturnType<typeof planRun>,
    ReturnType<typeof planRun>,
  ];
  const began = performance.now();
  expect(pastDifference(was, now, 5e6)).toMatchObject({ what: "learning rate" });
  expect(pastDifference(was, was, 5e6)).toBeNull();
  expect(performance.now() - began).toBeLessThan(2000);
});

test("refuses a run whose steps exceed 2^53", () => {
  const config = { ...tinyConfig({ schedule: "none" }, {}), epochs: Number.MAX_SAFE_INTEGER };
  expect(() => planRun(config, STEPS)).toThrow(/epochs: expected fewer, got 9007199254740991: with 5 steps each/);
});
