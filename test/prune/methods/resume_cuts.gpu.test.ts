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
  for (const method of ["gmp", "one-shot", "snip", "random", "at-init"] as const) await tinyRun({ method, sparsity });
  expect(currentGpu().memory().live).toBe(live);
});
