// One soft threshold for all layers, under every schedule, with a target, frozen early, and in place: same bits eager,
// replayed and resumed, before the freeze and after it.
import { test } from "vitest";
import { THRESHOLD_SCHEDULES } from "../../../src/prune/index.ts";
import { bent } from "../../support/own_settings.ts";
import { type Case, expectResumable } from "./resumed.ts";

const threshold = 0.08;
const schedules: readonly Case[] = THRESHOLD_SCHEDULES.map((schedule) => ({
  name: schedule,
  prune: { schedule, ...(schedule === "none" ? {} : { threshold }), ...bent(schedule, 0.1) },
  at: [8, 15],
  ...(schedule === "none" ? { ends: [0, 0] } : schedule === "constant" ? { ends: [0.01, 0.5] } : {}),
}));

const cases: readonly Case[] = [
  { name: "lambda, late, in a window", prune: { lambda: 0.2, startEpoch: 1, window: 1.5 }, at: [4, 10, 16] },
  { name: "inplace", prune: { mode: "inplace", threshold }, at: [8, 15] },
  { name: "inplace, nesterov", prune: { mode: "inplace", threshold }, more: { nesterov: true }, at: [12] },
  { name: "inplace, early", prune: { mode: "inplace", threshold, freezeEpoch: 2 }, at: [10, 12] },
  { name: "accelerated", prune: { mode: "inplace", accelerated: true, threshold }, at: [8, 15] },
  {
    name: "accelerated, early",
    prune: { mode: "inplace", accelerated: true, threshold, freezeEpoch: 2 },
    at: [8, 10, 12],
  },
  { name: "target", prune: { sparsity: 0.8 }, at: [4, 5, 8, 10, 12] },
  { name: "target, weight decay", prune: { sparsity: 0.8 }, more: { weightDecay: 2e-3 }, at: [8, 12] },
  { name: "target, blocks", prune: { group: "block8", sparsity: 0.6 }, at: [4, 10, 12] },
  { name: "target, share of blocks", prune: { group: "block8", groupSparsity: 0.4 }, at: [4, 8, 10, 12] },
  { name: "target, sine", prune: { schedule: "sine", sparsity: 0.8 }, at: [8, 12] },
  { name: "target, threshold steered", prune: { sparsity: 0.8, steer: "threshold" }, at: [4, 5, 12] },
  {
    name: "target, early",
    prune: { schedule: "pgh-general", beta: 0.1, sparsity: 0.8, startEpoch: 0.8, freezeEpoch: 2.4 },
    at: [4, 8, 10, 12, 15],
  },
  { name: "early", prune: { threshold, freezeEpoch: 2 }, at: [8, 10, 12] },
  { name: "early, in mid-epoch", prune: { threshold, freezeEpoch: 1.6 }, at: [8, 10, 12] },
  { name: "finetuned", prune: { threshold }, more: { epochs: 2, finetuneEpochs: 2 }, at: [8, 10, 12] },
];

test.each([...schedules, ...cases])("$name", (c) => expectResumable(c));
