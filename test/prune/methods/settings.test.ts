// Bad settings of a method are refused by name before training; the others make a method.
import { describe, expect, test } from "vitest";
import { makePruningMethod, PRUNING_METHODS, type PruneConfig, type RunShape } from "../../../src/prune/index.ts";

const run: RunShape = {
  totalSteps: 100,
  mainSteps: 100,
  stepsPerEpoch: 10,
  lr: (n) => 0.1 * (1 - n / 100),
  momentum: 0.9,
  seed: 1,
};
const make = (prune: Partial<PruneConfig>) => makePruningMethod({ schedule: "lats", mode: "latent", ...prune }, run);
const byTarget = ["gmp", "one-shot", "snip", "random"] as const;

const refused: readonly (readonly [Partial<PruneConfig>, RegExp])[] = [
  ...byTarget.flatMap((method) =>
    [undefined, 0, 1, -0.5, 1.5, Number.NaN].map(
      (sparsity) =>
        [
          { method, sparsity },
          new RegExp(`sparsity: expected a number in \\(0, 1\\).*${method}.*got ${sparsity}`),
        ] as const,
    ),
  ),
  [{ method: "magic" as "soft" }, /method: expected one of soft, str, .*masked, got magic/],
  // What the threshold rises to.
  [{}, /expected exactly one of threshold, lambda, sparsity, got none/],
  [{ threshold: 1, lambda: 1 }, /expected exactly one of threshold, lambda, sparsity, got threshold and lambda/],
  [{ threshold: 1, sparsity: 0.9 }, /threshold/],
  [{ lambda: 1, sparsity: 0.9 }, /lambda/],
  [{ threshold: -1 }, /threshold: expected a finite number >= 0, got -1/],
  [{ threshold: Number.NaN }, /threshold: expected a finite number >= 0, got NaN/],
  [{ lambda: -1 }, /lambda: expected a finite number >= 0, got -1/],
  [{ sparsity: 0 }, /sparsity: expected a number in \(0, 1\)/],
  [{ sparsity: 1 }, /sparsity: expected a number in \(0, 1\)/],
  // How it rises.
  [{ schedule: "magic" as "lats", threshold: 1 }, /schedule: expected one of lats, .*none, got magic/],
  ...(["pgh", "pgh-general"] as const).flatMap((schedule) =>
    [undefined, 0, -1, Number.NaN].map((beta) => [{ schedule, threshold: 1, beta }, /beta: expected/] as const),
  ),
  [{ schedule: "lats-epoch", threshold: 1, window: 2.5 }, /window\w*: expected/],
  [{ sparsity: 0.9, schedule: "constant" }, /schedule: expected a schedule that rises from 0, with a target sparsity/],
  [{ sparsity: 0.9, mode: "inplace" }, /mode: expected latent with a target sparsity, got inplace/],
  [{ threshold: 1, accelerated: true }, /mode: expected inplace with accelerated, got latent/],
  [{ sparsity: 0.9, mode: "inplace", accelerated: true }, /mode: expected latent with a target sparsity/],
  // When.
  ...(["soft", "str", "ltp", "gmp", "one-shot"] as const).flatMap((method) => {
    const own = { method, ...(method === "soft" ? { threshold: 1 } : { sparsity: 0.5 }) };
    return [
      [{ ...own, startEpoch: -1 }, /startEpoch: expected a number in \[0, 10\)/],
      [{ ...own, startEpoch: 10 }, /startEpoch: expected a number in \[0, 10\), got 10/],
      [{ ...own, startEpoch: Number.NaN }, /startEpoch: expected/],
      [{ ...own, startEpoch: 3, freezeEpoch: 3 }, /freezeEpoch: expected an epoch after startEpoch.* got 3/],
      [{ ...own, startEpoch: 3, freezeEpoch: 2 }, /freezeEpoch: expected an epoch after startEpoch.* got 2/],
      [{ ...own, freezeEpoch: 11 }, /freezeEpoch: expected .* up to 10, got 11/],
      [{ ...own, freezeEpoch: 0 }, /freezeEpoch: expected/],
    ] as const;
  }),
  ...(["soft", "gmp"] as const).flatMap((method) =>
    [0, -2, Number.NaN].map((window) => [{ method, sparsity: 0.5, window }, /window: expected/] as const),
  ),
  // Each method's own.
  ...[0, -1, 1.5, Number.NaN].map(
    (every) => [{ method: "gmp" as const, sparsity: 0.9, every }, /every: expected an integer >= 1/] as const,
  ),
  ...[0, -1, 1.5, Number.NaN].map(
    (snipBatches) =>
      [{ method: "snip" as const, sparsity: 0.9, snipBatches }, /snipBatches: expected an integer >= 1/] as const,
  ),
  ...[0, -1, 0.01, Number.NaN].map(
    (initEpochs) =>
      [{ method: "at-init" as const, threshold: 1, initEpochs }, /initEpochs: expected a number > 0/] as const,
  ),
  [{ method: "at-init", schedule: "none" }, /schedule: expected a schedule that moves, for method at-init, got none/],
  [{ method: "at-init", schedule: "constant", threshold: 1 }, /schedule: expected a schedule that moves/],
  [{ method: "at-init", mode: "inplace", threshold: 1 }, /mode: expected latent, for method at-init, got inplace/],
  [{ method: "at-init" }, /expected exactly one of threshold, lambda, sparsity, got none/],
  [{ method: "at-init", sparsity: 2 }, /sparsity: expected a number in \(0, 1\)/],
  [{ method: "at-init", schedule: "pgh", threshold: 1 }, /beta: expected/],
];

test.each(refused)("refuses %o", (prune, wanted) => {
  expect(() => make(prune)).toThrow(wanted);
  expect(() => make(prune)).toThrow(RangeError);
});

describe("every method", () => {
  test.each(PRUNING_METHODS)("%s can be made, and has its name", (method) => {
    const { name, phase } = make({
      method,
      ...(method === "soft" || method === "at-init" ? { threshold: 1 } : {}),
      ...(["gmp", "one-shot", "snip", "random"].includes(method) ? { sparsity: 0.9 } : {}),
    });
    expect(name).toBe(method === "soft" ? "lats" : method);
    expect(phase(0)).toBe(["soft", "str", "ltp"].includes(method) ? "prune" : "mask");
  });

  test("have their names in reports", () => {
    const names = [
      make({ schedule: "none" }),
      make({ threshold: 1, mode: "inplace" }),
      make({ threshold: 1, mode: "inplace", accelerated: true }),
      make({ threshold: 1, schedule: "linear" }),
      make({ sparsity: 0.9, schedule: "sine" }),
    ].map((m) => m.name);
    expect(names).toEqual(["dense", "ista", "fista", "linear", "sine"]);
  });

  test.each([
    {
      prune: { method: "str", startEpoch: 2, freezeEpoch: 5 },
      phases: ["dense", "dense", "prune", "prune", "mask", "mask"],
    },
    {
      prune: { method: "ltp", startEpoch: 2, freezeEpoch: 5 },
      phases: ["dense", "dense", "prune", "prune", "mask", "mask"],
    },
    {
      prune: { threshold: 1, startEpoch: 2, freezeEpoch: 5 },
      phases: ["prune", "prune", "prune", "prune", "mask", "mask"],
    },
    { prune: { method: "ltp", startEpoch: 1 }, phases: ["dense", "prune", "prune", "prune", "prune", "mask"] },
    { prune: { method: "str" }, phases: ["prune", "prune", "prune", "prune", "prune", "prune"] },
  ] as const)("$prune go through their phases", ({ prune, phases }) => {
    const { phase } = make(prune);
    expect([0, 19, 20, 49, 50, 99].map(phase)).toEqual(phases);
  });
});
