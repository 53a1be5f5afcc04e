// Methods that cut weights at once, or mask them before training: same bits eager, replayed and resumed.
import { expect, test } from "vitest";
import { currentGpu } from "../../../src/gpu/index.ts";
import { tinyRun } from "../../support/tiny_session.ts";
import { type Case, expectResumable } from "./resumed.ts";

const sparsity = 0.8;
const ends: Case["ends"] = [0.79, 0.81];
const cases: readonly Case[] = [
  { name: "gmp", prune: { method: "gmp", sparsity, every: 3 }, at: [8, 10, 16], ends },
  {
    name: "gmp, late",
    prune: { method: "gmp", sparsity, every: 4, startEpoch: 0.8, window: 2 },
    at: [4, 8, 12, 16],
    ends,
  },
  { name: "one-shot", prune: { method: "one-shot", sparsity }, at: [4, 10], ends },
  { name: "one-shot, late", prune: { method: "one-shot", sparsity, startEpoch: 1.6 }, at: [4, 8, 10], ends },
  { name: "gmp, global", prune: { method: "gmp", sparsity, every: 3, scope: "global" }, at: [8, 10, 16], ends },
  {
    name: "one-shot, ERK",
    prune: { method: "one-shot", sparsity, startEpoch: 1.6, scope: "erk" },
    at: [4, 8, 10],
    ends,
  },
  {
    name: "gmp, by shares",
    prune: { method: "gmp", every: 3, shares: ["0=0.5", "3=0.8", "7=0.82", "9=0.6"] },
    at: [8, 16],
    ends,
  },
  {
    name: "imp",
    prune: { method: "imp", sparsity, rounds: 2, rewindEpoch: 1 },
    at: [4, 5, 8, 10, 12, 15, 16],
    ends,
  },
  { name: "imp, from the start", prune: { method: "imp", sparsity, rounds: 1, rewindEpoch: 0 }, at: [8, 10, 12], ends },
  { name: "grasp", prune: { method: "grasp", sparsity }, at: [4, 10], ends },
  { name: "synflow", prune: { method: "synflow", sparsity, rounds: 10 }, at: [4, 10], ends },
  { name: "grad-r", prune: { method: "grad-r", threshold: 0.03, shrink: 0.2 }, at: [4, 10] },
  {
    name: "grad-r, frozen",
    prune: { method: "grad-r", threshold: 0.03, shrink: 0.2, freezeEpoch: 2.2 },
    at: [8, 12, 16],
  },
  { name: "lats, true gradient", prune: { threshold: 0.1, gradient: "true" }, at: [4, 10] },
  { name: "snip", prune: { method: "snip", sparsity }, at: [4, 10], ends },
  { name: "random", prune: { method: "random", sparsity }, at: [4, 10], ends },
  { name: "at-init", prune: { method: "at-init", threshold: 0.1 }, at: [4, 10] },
  { name: "at-init, target", prune: { method: "at-init", sparsity, initEpochs: 2 }, at: [4, 10] },
  { name: "masked, of a dense model", prune: { method: "masked" }, at: [8, 15], ends: [0, 0] },
];

test.each(cases)("$name", (c) => expectResumable(c));

test("runs release their memory", async () => {
  await tinyRun({ sparsity });
  const live = currentGpu().memory().live;
  await tinyRun({ sparsity });
  await tinyRun({ method: "str" });
  await tinyRun({ method: "ltp", startEpoch: 1 });
  for (const method of ["gmp", "one-shot", "snip", "grasp", "random", "at-init"] as const)
    await tinyRun({ method, sparsity });
  await tinyRun({ method: "imp", sparsity, rounds: 2 });
  await tinyRun({ method: "synflow", sparsity, rounds: 3 });
  await tinyRun({ method: "grad-r", threshold: 0.05, shrink: 0.1 });
  expect(currentGpu().memory().live).toBe(live);
});
