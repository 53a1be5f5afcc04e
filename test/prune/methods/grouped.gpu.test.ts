// Groups of weights in sessions: targets by zeros and by zero groups, schedules, phases, magnitude pruning, resumed runs.
import { expect, test } from "vitest";
import { parseSafetensors } from "../../../src/io/index.ts";
import type { LrConfig } from "../../../src/optim/index.ts";
import { coefficientOfVariation, WEIGHT_GROUPS } from "../../../src/prune/index.ts";
import { groupsOf } from "../../reference/sparse_group.ts";
import {
  sparsityIn,
  TINY_LAYERS,
  TINY_WEIGHTS,
  type TinyMore,
  type TinyPrune,
  tinyRun,
  tinySession,
  zerosOf,
} from "../../support/tiny_session.ts";
import { type Case, expectResumable } from "./resumed.ts";

type Name = (typeof WEIGHT_GROUPS)[number];

/** Return the share of zero groups of a checkpoint, of layers that have groups, and check that no group is partly zero if `whole`. */
function zeroGroups(bytes: Uint8Array, name: Name, whole = true): number {
  const { tensors } = parseSafetensors(bytes);
  let [all, zero] = [0, 0];
  for (const layer of Object.keys(TINY_LAYERS)) {
    const { data, shape } = tensors.get(`model.${layer}`)!;
    if (name === "neuron" && shape.length !== 2) continue;
    for (const group of groupsOf(name, shape)) {
      const live = group.filter((i) => data[i] !== 0).length;
      if (whole) expect([0, group.length]).toContain(live);
      all++;
      if (live === 0) zero++;
    }
  }
  return zero / all;
}

const more: TinyMore = { epochs: 6 };
const steer = "threshold";

test.each(["block8", "block4"] as const)("%s: the threshold ends at the share of zeros", async (group) => {
  for (const groupShare of [1, 0.5]) {
    const { bytes, epochs } = await tinyRun({ group, groupShare, sparsity: 0.8, steer }, more);
    expect(Math.abs(sparsityIn(bytes) - 0.8), `share ${groupShare}`).toBeLessThan(0.005);
    expect(epochs.at(-1)!.sparsity).toBe(sparsityIn(bytes));
    zeroGroups(bytes, group, groupShare === 1);
  }
});

test.each(WEIGHT_GROUPS)("%s: the threshold ends at the share of zero groups, of all layers", async (group) => {
  const { bytes } = await tinyRun({ group, groupSparsity: 0.5, steer, dense: ["first"] }, more);
  // Few filters: the share moves in steps of a group.
  const step = { block8: 0.01, block4: 0.01, filter: 1 / 62, neuron: 1 / 44 }[group];
  expect(Math.abs(zeroGroups(bytes, group, group !== "neuron") - 0.5)).toBeLessThanOrEqual(step + 1e-9);
  expect(zerosOf(bytes)["0.weight"]).toBe(0);
});

const rates: readonly LrConfig[] = [
  { schedule: "cosine", base: 0.05, per: "step" },
  { schedule: "cosine", base: 0.05, warmupEpochs: 2, per: "epoch" },
  { schedule: "constant", base: 0.02 },
  { schedule: "step", base: 0.05, every: 2, gamma: 0.3 },
];

test.each(rates)("lats of blocks under $schedule, per $per: lambda is constant in both modes", async (lr) => {
  for (const mode of ["latent", "inplace"] as const) {
    const prune = { group: "block8", groupShare: 0.7, threshold: 0.2, mode } as const;
    const { steps, bytes } = await tinyRun(prune, { ...more, lr });
    const lambdas = steps.filter((s) => s.lr > 0).map((s) => s.lambda);
    expect(coefficientOfVariation(lambdas), mode).toBeLessThan(1e-6);
    expect(sparsityIn(bytes), mode).toBeGreaterThan(0.05);
  }
});

test("a target is searched at a constant lambda, and held", async () => {
  const { steps, bytes } = await tinyRun({ group: "block8", sparsity: 0.8 }, { epochs: 30 });
  // Blocks of this network follow the threshold closely, so the search takes two thirds.
  const held = steps.slice(100).filter((s) => s.lr > 0);
  const lambdas = held.map((s) => s.lambda);
  expect(Math.max(...lambdas) / Math.min(...lambdas) - 1).toBeLessThan(1e-5);
  // 150 steps on 72 images, as with single weights.
  expect(Math.abs(sparsityIn(bytes) - 0.8)).toBeLessThan(0.06);
});

test.each(["gmp", "one-shot"] as const)(
  "%s cuts whole groups, at most one of each layer more than the share",
  async (method) => {
    for (const group of ["block8", "filter"] as const) {
      const { bytes } = await tinyRun({ method, group, sparsity: 0.5, schedule: "none" }, more);
      zeroGroups(bytes, group);
      const largest = { block8: [6, 8, 8, 4], filter: [9, 54, 48, 40] }[group];
      Object.entries(TINY_LAYERS).forEach(([layer, n], k) => {
        const zeros = zerosOf(bytes)[layer as keyof typeof TINY_LAYERS];
        expect(zeros, layer).toBeGreaterThanOrEqual(Math.floor(0.5 * n));
        expect(zeros, layer).toBeLessThan(Math.floor(0.5 * n) + largest[k]!);
      });
    }
  },
);

test("at-init keeps whole groups of a short run, with their first values", async () => {
  const { bytes } = await tinyRun({ method: "at-init", group: "block8", sparsity: 0.6 }, more);
  zeroGroups(bytes, "block8");
  expect(Math.abs(sparsityIn(bytes) - 0.6)).toBeLessThan(0.01);
});

test("early pruning freezes the groups", async () => {
  const { bytes, epochs } = await tinyRun(
    { schedule: "pgh-general", beta: 0.1, group: "block8", sparsity: 0.7, steer, freezeEpoch: 3 },
    more,
  );
  zeroGroups(bytes, "block8");
  expect(epochs.slice(3).every((e) => e.pruned === 0 && e.regrown === 0)).toBe(true);
  expect(Math.abs(sparsityIn(bytes) - 0.7)).toBeLessThan(0.01);
});

test("f16 training prunes groups too", async () => {
  const { bytes } = await tinyRun({ group: "block8", sparsity: 0.7, steer }, { ...more, precision: "f16" });
  zeroGroups(bytes, "block8");
  expect(Math.abs(sparsityIn(bytes) - 0.7)).toBeLessThan(0.01);
});

test.each(WEIGHT_GROUPS)("str on %s: the decay is steered to the share of zeros", async (group) => {
  const { bytes, epochs, steps } = await tinyRun(
    { method: "str", schedule: "none", group, sparsity: 0.6, str: { start: -4, decay: 0.05 } },
    { epochs: 20 },
  );
  zeroGroups(bytes, group, group !== "neuron");
  // 100 steps on 72 images; of few filters, one is 2 % of the weights.
  expect(Math.abs(sparsityIn(bytes) - 0.6)).toBeLessThan(0.12);
  expect(steps.at(-1)!.groupSparsity).toBeCloseTo(epochs.at(-1)!.groupSparsity!, 12);
});

test.each(["adam", "adamw", "rmsprop"] as const)("%s prunes blocks to the share of zeros", async (name) => {
  const { bytes } = await tinyRun(
    { group: "block8", sparsity: 0.7, steer },
    { ...more, lr: { schedule: "cosine", base: 0.003, per: "step" }, momentum: 0, optimizer: { name } },
  );
  zeroGroups(bytes, "block8");
  expect(Math.abs(sparsityIn(bytes) - 0.7)).toBeLessThan(0.01);
});

test("step records have the share of zero groups where the update counts them, of all layers", async () => {
  const prune: TinyPrune = { group: "block8", threshold: 0.08, dense: ["7"] };
  const { steps, epochs } = await tinyRun(prune, more);
  for (const { epoch, groupSparsity } of epochs) {
    const step = steps.find((s) => s.epoch === epoch)!;
    expect(step.groupSparsity).toBe(groupSparsity);
  }
  expect(epochs.at(-1)!.groupSparsity).toBeGreaterThan(0);
  const single = await tinyRun({ threshold: 0.08 }, more);
  expect(single.steps.every((s) => s.groupSparsity === undefined)).toBe(true);
});

test.each(["imp", "random", "snip"] as const)("%s cuts whole groups, up to one more than the share", async (method) => {
  const own = method === "imp" ? { rounds: 2, rewindEpoch: 1 } : {};
  for (const group of ["block8", "filter"] as const) {
    const prune: TinyPrune = { method, group, sparsity: 0.5, schedule: "none", ...own };
    const { bytes } = await tinyRun(prune, { ...more, epochs: 7 });
    zeroGroups(bytes, group);
    const zeros = Object.values(zerosOf(bytes)).reduce((a, b) => a + b, 0);
    // random cuts its share of each layer, and each may have a group more.
    const most = { block8: [6, 8, 8, 4], filter: [9, 54, 48, 40] }[group];
    expect(zeros, group).toBeGreaterThanOrEqual(Math.floor(0.5 * TINY_WEIGHTS) - 4);
    expect(zeros, group).toBeLessThan(0.5 * TINY_WEIGHTS + most.reduce((a, b) => a + b, 0));
  }
});

const cases: readonly Case[] = [
  {
    name: "blocks, str",
    prune: { method: "str", schedule: "none", group: "block8", groupShare: 0.8, str: { start: -4, decay: 0.05 } },
    at: [8, 15],
  },
  {
    name: "filters, str, early",
    prune: { method: "str", schedule: "none", group: "filter", str: { start: -4, decay: 0.24 }, freezeEpoch: 2 },
    at: [8, 12],
  },
  {
    name: "blocks, imp",
    prune: { method: "imp", schedule: "none", group: "block8", sparsity: 0.6, rounds: 1, rewindEpoch: 0 },
    at: [8, 12],
  },
  { name: "blocks, true gradient", prune: { group: "block8", threshold: 0.08, gradient: "true" }, at: [8] },
  { name: "blocks", prune: { group: "block8", threshold: 0.08 }, at: [8, 15] },
  {
    name: "blocks and weights, in place",
    prune: { group: "block4", groupShare: 0.4, mode: "inplace", threshold: 0.08 },
    at: [8],
  },
  { name: "filters", prune: { group: "filter", threshold: 0.08 }, at: [10, 12] },
  { name: "blocks, target", prune: { group: "block8", sparsity: 0.7 }, at: [4, 8, 12] },
  { name: "neurons, target of groups", prune: { group: "neuron", groupSparsity: 0.5, steer }, at: [5, 12] },
  { name: "blocks, early", prune: { group: "block8", threshold: 0.08, freezeEpoch: 2 }, at: [8, 12] },
  {
    name: "blocks, gmp",
    prune: { method: "gmp", schedule: "none", group: "block8", sparsity: 0.6, every: 2 },
    at: [5, 12],
  },
];

test.each(cases)("$name: the same bits eager, replayed and resumed", (c) =>
  expectResumable({ ends: [0.02, 0.95], ...c }),
);

test("refuses what groups do not have, by name", () => {
  const session =
    (prune: object, more: object = {}) =>
    () =>
      tinySession(prune, more);
  expect(session({ group: "rows", threshold: 0.1 })).toThrow("group: expected one of block8, block4, filter, neuron");
  expect(session({ groupShare: 0.5, threshold: 0.1 })).toThrow("groupShare: expected nothing without group");
  expect(session({ groupSparsity: 0.5 })).toThrow("groupSparsity: expected nothing without group");
  expect(session({ group: "block8", groupShare: 1.5, threshold: 0.1 })).toThrow(
    "groupShare: expected a number from 0 to 1",
  );
  expect(session({ group: "block8", groupSparsity: 0.5, sparsity: 0.5 })).toThrow("expected exactly one of");
  expect(session({ group: "block8", threshold: 0.1, schedule: "constant" })).toThrow(
    "schedule: expected one that rises from 0",
  );
  expect(session({ group: "block8", threshold: 0.1, mode: "inplace", accelerated: true })).toThrow(
    "mode: expected latent, inplace or str with group block8, got fista",
  );
  expect(session({ group: "neuron", groupSparsity: 0.9, dense: ["7"] })).toThrow(
    "groupSparsity: expected at most 9.09 %",
  );
  for (const method of ["ltp", "synflow", "grasp"] as const) {
    const own = method === "ltp" ? {} : { sparsity: 0.5 };
    expect(session({ method, schedule: "none", group: "block8", ...own }), method).toThrow(
      "group is for the soft thresholds of method soft and at-init, and method str, gmp, one-shot, imp, snip and random",
    );
  }
  expect(
    session({ group: "block8", threshold: 0.1, mode: "inplace" }, { optimizer: { name: "adam" }, momentum: 0 }),
  ).toThrow("Adam: mode: expected latent with group block8, got inplace, whose step has another divisor");
});
