// The trainings of iterative magnitude pruning divide a run exactly, and each repeats the steps after the rewind.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PruneConfig } from "../../src/prune/index.ts";
import { stepInTraining, trainingAt, trainingsOf, trainingsProblem } from "../../src/prune/trainings.ts";
import { planRun } from "../../src/train/run_plan.ts";
import { tinyConfig } from "../support/tiny_session.ts";

const config = (rounds?: number, rewindEpoch?: number): PruneConfig => ({
  schedule: "none",
  mode: "latent",
  method: "imp",
  sparsity: 0.9,
  rounds,
  rewindEpoch,
});
const settings = fc.record({
  each: fc.integer({ min: 1, max: 12 }),
  rounds: fc.integer({ min: 1, max: 8 }),
  rewind: fc.integer({ min: 0, max: 11 }),
  perEpoch: fc.integer({ min: 1, max: 20 }),
});

test("the first training has every step, the others those from the rewind on, and together they are the run", () => {
  fc.assert(
    fc.property(settings, ({ each, rounds, rewind, perEpoch }) => {
      fc.pre(rewind < each);
      const epochs = each + rounds * (each - rewind);
      const found = trainingsOf(config(rounds, rewind), epochs, perEpoch);
      expect(found).toEqual({ epochs: each, steps: each * perEpoch, rewind: rewind * perEpoch, cuts: rounds });
      const want: [number, number][] = [];
      for (let k = 0; k <= rounds; k++)
        for (let n = k === 0 ? 0 : rewind * perEpoch; n < each * perEpoch; n++) want.push([k, n]);
      const steps = Array.from({ length: epochs * perEpoch }, (_, n) => n);
      expect(steps.map((n) => [trainingAt(found, n), stepInTraining(found, n)])).toEqual(want);
    }),
  );
});

test("other lengths are refused with one that fits", () => {
  fc.assert(
    fc.property(settings, fc.integer({ min: 1, max: 100 }), ({ rounds, rewind }, epochs) => {
      const problem = trainingsProblem(config(rounds, rewind), epochs);
      if (problem === null) return;
      expect(() => trainingsOf(config(rounds, rewind), epochs, 5)).toThrow(
        `epochs: expected ${problem}, got ${epochs}`,
      );
      const fitting = Number(/such as (\d+)$/.exec(problem)?.[1]);
      expect(trainingsProblem(config(rounds, rewind), fitting)).toBeNull();
    }),
  );
  expect(trainingsProblem(config(), 8)).toBe(
    "a number that divides into 6 equal trainings, the later ones without their first 1, such as 13",
  );
});

test.each([
  [config(0), "rounds: expected an integer >= 1, got 0"],
  [config(1.5), "rounds: expected an integer >= 1"],
  [config(1, -1), "rewindEpoch: expected an integer >= 0"],
  [config(1, 0.5), "rewindEpoch: expected an integer >= 0"],
])("refuses %j", (given, problem) => {
  expect(() => trainingsOf(given, 8, 5)).toThrow(problem);
});

describe("the learning rate", () => {
  test("is that of the step in its training, then that of fine-tuning", () => {
    const more = { epochs: 4, finetuneEpochs: 1, lr: { schedule: "cosine", base: 0.2 } } as const;
    const { lr } = planRun(tinyConfig(config(2, 1), more), 5);
    const one = planRun(tinyConfig({ schedule: "none" }, { ...more, epochs: 2 }), 5);
    const first = Array.from({ length: 10 }, (_, n) => one.lr(n));
    const want = [...first, ...first.slice(5), ...first.slice(5), ...Array.from({ length: 5 }, () => 0.002)];
    expect(Array.from({ length: 25 }, (_, n) => lr(n))).toEqual(want);
  });
});
