// Settings that a method cannot work with are refused by name, before anything is trained; the others make a method.
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
          new RegExp(`sparsity wants a number in \\(0, 1\\).*${method}.*got ${sparsity}`),
        ] as const,
    ),
  ),
  [{ method: "magic" as "soft" }, /method wants one of soft, str, .*masked, got magic/],
  // What the threshold rises to.
  [{}, /wants either threshold or lambda, got neither/],
  [{ threshold: 1, lambda: 1 }, /wants either threshold or lambda, got both/],
  [{ threshold: 1, sparsity: 0.9 }, /threshold/],
  [{ lambda: 1, sparsity: 0.9 }, /lambda/],
  [{ threshold: -1 }, /threshold wants a finite number >= 0, got -1/],
  [{ threshold: Number.NaN }, /threshold wants a finite number >= 0, got NaN/],
  [{ lambda: -1 }, /lambda wants a finite number >= 0, got -1/],
  [{ sparsity: 0 }, /sparsity wants a number in \(0, 1\)/],
  [{ sparsity: 1 }, /sparsity wants a number in \(0, 1\)/],
  // How it rises.
  [{ schedule: "magic" as "lats", threshold: 1 }, /schedule wants one of lats, .*none, got magic/],
  ...(["pgh", "pgh-general"] as const).flatMap((schedule) =>
    [undefined, 0, -1, Number.NaN].map((beta) => [{ schedule, threshold: 1, beta }, /beta wants/] as const),
  ),
  [{ schedule: "lats-epoch", threshold: 1, window: 2.5 }, /window\w* wants/],
  [{ sparsity: 0.9, schedule: "constant" }, /schedule wants one that rises from 0, since a target sparsity is given/],
  [{ sparsity: 0.9, mode: "inplace" }, /mode wants latent, since a target sparsity is given, got inplace/],
  [{ threshold: 1, accelerated: true }, /accelerated wants mode inplace, got latent/],
  [{ sparsity: 0.9, mode: "inplace", accelerated: true }, /mode wants latent, since a target sparsity is given/],
  // When.
  ...(["soft", "str", "ltp", "gmp", "one-shot"] as const).flatMap((method) => {
    const own = { method, ...(method === "soft" ? { threshold: 1 } : { sparsity: 0.5 }) };
    return [
      [{ ...own, startEpoch: -1 }, /startEpoch wants at least 0/],
      [{ ...own, startEpoch: 10 }, /startEpoch wants .* before the end of epoch 10, got 10/],
      [{ ...own, startEpoch: Number.NaN }, /startEpoch wants/],
      [{ ...own, startEpoch: 3, freezeEpoch: 3 }, /freezeEpoch wants after startEpoch.* got 3/],
      [{ ...own, startEpoch: 3, freezeEpoch: 2 }, /freezeEpoch wants after startEpoch.* got 2/],
      [{ ...own, freezeEpoch: 11 }, /freezeEpoch wants .* within the 10 epochs, got 11/],
      [{ ...own, freezeEpoch: 0 }, /freezeEpoch wants/],
    ] as const;
  }),
  ...(["soft", "gmp"] as const).flatMap((method) =>
    [0, -2, Number.NaN].map((window) => [{ method, sparsity: 0.5, window }, /window wants/] as const),
  ),
  // Each method's own.
  ...[0, -1, 1.5, Number.NaN].map(
    (every) => [{ method: "gmp" as const, sparsity: 0.9, every }, /every wants a whole number of steps >= 1/] as const,
  ),
  ...[0, -1, 1.5, Number.NaN].map(
    (snipBatches) =>
      [{ method: "snip" as const, sparsity: 0.9, snipBatches }, /snipBatches wants a whole number >= 1/] as const,
  ),
  ...[0, -1, 0.01, Number.NaN].map(
    (initEpochs) =>
      [{ method: "at-init" as const, threshold: 1, initEpochs }, /initEpochs wants a number > 0/] as const,
  ),
  [{ method: "at-init", schedule: "none" }, /schedule wants one that moves, since the method is at-init, got none/],
  [{ method: "at-init", schedule: "constant", threshold: 1 }, /schedule wants one that moves/],
  [{ method: "at-init", mode: "inplace", threshold: 1 }, /mode wants latent, since the method is at-init, got inplace/],
  [{ method: "at-init" }, /wants either threshold or lambda, got neither/],
  [{ method: "at-init", sparsity: 2 }, /sparsity wants a number in \(0, 1\)/],
  [{ method: "at-init", schedule: "pgh", threshold: 1 }, /beta wants/],
];

test.each(refused)("refuses %o", (prune, wanted) => {
  expect(() => make(prune)).toThrow(wanted);
  expect(() => make(prune)).toThrow(RangeError);
});

describe("methods that there are", () => {
  test.each(PRUNING_METHODS)("%s can be made, and says what it is", (method) => {
    const { name, phase } = make({
      method,
      ...(method === "soft" || method === "at-init" ? { threshold: 1 } : {}),
      ...(["gmp", "one-shot", "snip", "random"].includes(method) ? { sparsity: 0.9 } : {}),
    });
    expect(name).toBe(method === "soft" ? "lats" : method);
    expect(phase(0)).toBe(["soft", "str", "ltp"].includes(method) ? "prune" : "mask");
  });

  test("are named as reports name them", () => {
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
