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
const byTarget = ["gmp", "one-shot", "imp", "snip", "grasp", "synflow", "random"] as const;
const divided = ["gmp", "one-shot", "imp", "random"] as const;
/** Ten epochs are 5 + 5 of two trainings. */
const own = (method: string) => (method === "imp" ? { rounds: 1, rewindEpoch: 0 } : {});

const refused: readonly (readonly [Partial<PruneConfig>, RegExp])[] = [
  ...byTarget.flatMap((method) =>
    [undefined, 0, 1, -0.5, 1.5, Number.NaN].map(
      (sparsity) =>
        [
          { method, sparsity, ...own(method) },
          new RegExp(`sparsity: expected a number in \\(0, 1\\).*${method}.*got ${sparsity}`),
        ] as const,
    ),
  ),
  [{ method: "magic" as "soft" }, /method: expected one of soft, str, .*masked, grad-r, got magic/],
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
  [{ sparsity: 0.9, steer: "price" as never }, /steer: expected one of lambda, threshold, got price/],
  [{ threshold: 1, steer: "lambda" }, /steer: expected nothing without a target sparsity, got lambda/],
  [{ method: "at-init", threshold: 1, steer: "lambda" }, /steer: expected nothing without a target sparsity/],
  [{ method: "str", sparsity: 0 }, /sparsity: expected a number in \(0, 1\), since the method is str, got 0/],
  [{ method: "ltp", sparsity: 1 }, /sparsity: expected a number in \(0, 1\), since the method is ltp, got 1/],
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
  // Where.
  ...divided.flatMap((method) => {
    const common = { method, ...own(method) };
    const shares = ["0=0.5"];
    return [
      [{ ...common, sparsity: 0.5, scope: "magic" as "layer" }, /scope: expected one of layer, global, erk, got magic/],
      [{ ...common, sparsity: 0.5, shares }, /sparsity: expected nothing beside shares, got 0.5/],
      [{ ...common, scope: "layer", shares }, /scope: expected nothing beside shares, got layer/],
      [{ ...common, shares: ["0"] }, /shares: expected layers with their shares of zeros, such as conv1=0.9, got 0/],
    ] as const;
  }),
  ...(["soft", "snip", "grasp", "synflow", "str", "masked"] as const).map(
    (method) =>
      [
        {
          method,
          ...(method === "soft" ? { threshold: 1 } : method === "str" || method === "masked" ? {} : { sparsity: 0.5 }),
          scope: "erk",
        },
        /scope is for method gmp, one-shot, imp and random/,
      ] as const,
  ),
  // Each method's own.
  [
    { method: "imp", sparsity: 0.5 },
    /epochs: expected a number that divides into 6 equal trainings.*, such as 13, got 10/,
  ],
  ...[0, -1, 1.5, Number.NaN].flatMap((rounds) => [
    [{ method: "imp" as const, sparsity: 0.9, rounds }, /rounds: expected an integer >= 1/] as const,
    [{ method: "synflow" as const, sparsity: 0.9, rounds }, /rounds: expected an integer >= 1/] as const,
  ]),
  ...[-1, 0.5, Number.NaN].map(
    (rewindEpoch) =>
      [{ method: "imp" as const, sparsity: 0.9, rewindEpoch }, /rewindEpoch: expected an integer >= 0/] as const,
  ),
  [{ method: "gmp", sparsity: 0.9, rounds: 3 }, /rounds is for method imp and synflow/],
  ...[undefined, 0, -1, Number.NaN].map(
    (threshold) => [{ method: "grad-r" as const, threshold, shrink: 1 }, /threshold: expected a number > 0/] as const,
  ),
  ...[undefined, -1, Number.NaN].map(
    (shrink) => [{ method: "grad-r" as const, threshold: 1, shrink }, /shrink: expected a number >= 0/] as const,
  ),
  [{ threshold: 1, shrink: 1 }, /shrink is for method grad-r/],
  [{ threshold: 1, gradient: true as unknown as "true" }, /gradient: expected straight-through or true, got true/],
  [{ threshold: 1, gradient: "true", mode: "inplace" }, /mode: expected latent with gradient true, got inplace/],
  [
    { method: "str", gradient: "true" },
    /gradient is for the soft thresholds of method soft and at-init in mode latent/,
  ],
  ...[0, -1, 1.5, Number.NaN].map(
    (every) => [{ method: "gmp" as const, sparsity: 0.9, every }, /every: expected an integer >= 1/] as const,
  ),
  ...[0, -1, 1.5, Number.NaN].map(
    (snipBatches) =>
      [
        { method: snipBatches === 0 ? "grasp" : "snip", sparsity: 0.9, snipBatches } as const,
        /snipBatches: expected an integer >= 1/,
      ] as const,
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
      ...((byTarget as readonly string[]).includes(method) ? { sparsity: 0.9 } : {}),
      ...own(method),
      ...(method === "grad-r" ? { threshold: 1, shrink: 0.1 } : {}),
    });
    expect(name).toBe(method === "soft" ? "lats" : method);
    expect(phase(0)).toBe(["soft", "str", "ltp", "grad-r"].includes(method) ? "prune" : "mask");
  });

  test("pass on the weights that decay acts on", () => {
    expect(make({ threshold: 1 }).group).toEqual({ mode: "latent" });
    expect(make({ threshold: 1, decayTarget: "effective" }).group).toEqual({
      mode: "latent",
      decayTarget: "effective",
    });
    expect(() => make({ method: "str", decayTarget: "effective" })).toThrow(/decayTarget is for the soft thresholds/);
    expect(() => make({ threshold: 1, mode: "inplace", accelerated: true, decayTarget: "latent" })).toThrow(/FISTA/);
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
    {
      prune: { method: "grad-r", threshold: 1, shrink: 0.1, freezeEpoch: 5 },
      phases: ["prune", "prune", "prune", "prune", "mask", "mask"],
    },
    { prune: { method: "str" }, phases: ["prune", "prune", "prune", "prune", "prune", "prune"] },
  ] as const)("$prune go through their phases", ({ prune, phases }) => {
    const { phase } = make(prune);
    expect([0, 19, 20, 49, 50, 99].map(phase)).toEqual(phases);
  });
});

test.each<readonly [Partial<PruneConfig>, number | null]>([
  [{ threshold: 1 }, null],
  [{ threshold: 1, freezeEpoch: 4 }, 40],
  [{ sparsity: 0.5, freezeEpoch: 4 }, 40],
  [{ method: "str", freezeEpoch: 4 }, 40],
  [{ method: "ltp" }, 67],
  [{ method: "gmp", sparsity: 0.5 }, 75],
  [{ method: "one-shot", sparsity: 0.5, startEpoch: 3 }, 30],
  [{ method: "snip", sparsity: 0.5 }, 0],
  [{ method: "at-init", threshold: 1 }, 0],
  [{ method: "masked", schedule: "none" }, 0],
  [{ method: "imp", sparsity: 0.5, ...own("imp") }, null],
  [{ schedule: "none" }, null],
])("zeros of %j are final from step %s on", (prune, from) => {
  const method = make(prune);
  const frozen = Array.from({ length: 100 }, (_, n) => method.isFrozen?.(n) ?? false);
  expect(frozen).toEqual(Array.from({ length: 100 }, (_, n) => from !== null && n >= from));
});
