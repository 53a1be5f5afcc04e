// Warnings about learned thresholds that stall or that their step limit holds back: once per run, by name.
import { afterEach, beforeEach, expect, test } from "vitest";
import { onWarning } from "../../src/gpu/index.ts";
import { makePruningMethod } from "../../src/prune/index.ts";
import type { EpochLayer } from "../../src/train/index.ts";
import { warnOfLearned } from "../../src/train/learned_warnings.ts";

let warnings: string[] = [];
let restore: () => void;
beforeEach(() => {
  warnings = [];
  restore = onWarning((message) => warnings.push(message));
});
afterEach(() => restore());

const run = { totalSteps: 900, mainSteps: 900, stepsPerEpoch: 100, lr: () => 0.1, momentum: 0.9, seed: 1 };
/** Dense to step 100, then 500 steps of pruning, then a fixed mask. */
const method = makePruningMethod(
  { method: "ltp", schedule: "none", mode: "latent", startEpoch: 1, freezeEpoch: 6 },
  run,
);
const optimizer = (l0 = 0.05, mode = "ltp") =>
  ({ groups: [{ options: { mode, ltp: { l0, temperature: 1e-3, lr: 10, clip: 0.05 } } }] }) as never;
const layer = (
  name: string,
  transition: number | null,
  limited: number | null,
  { zeros = 5, threshold = 0.1 }: { zeros?: number; threshold?: number } = {},
): EpochLayer => ({
  ...{ name, weights: 10, zeros, pruned: 0, regrown: 0, iou: 1, threshold, hiddenMean: null, hiddenMax: null },
  ...{ transition, limited },
});

test("of thresholds that stay for an epoch without a weight near them, if there is a price", () => {
  const sgd = optimizer();
  const layers = [layer("a", 0, 0), layer("b", 0.1, 0), layer("dead", 0, 0, { zeros: 10 }), layer("moved", 0, 0)];
  const later = [...layers.slice(0, 3), layer("moved", 0, 0, { threshold: 0.101 })];
  warnOfLearned(sgd, method, { layers, step: 200 });
  expect(warnings).toEqual([]);
  for (const step of [300, 400]) warnOfLearned(sgd, method, { layers: later, step });
  expect(warnings).toEqual([
    "SGD: mode ltp: the threshold of a stayed for an epoch, since no weight is within 4 T of it: neither loss nor price moves it. A larger ltp.temperature (0.001) widens the gates",
  ]);
  for (const other of [optimizer(0), optimizer(1, "latent")])
    for (const step of [200, 300]) warnOfLearned(other, method, { layers, step });
  expect(warnings).toHaveLength(1);
});

test("of thresholds that their limit holds back: after 200 steps, or as pruning ends", () => {
  const held = [layer("a", 0.1, 0.9), layer("b", 0.1, -0.7), layer("c", 0.1, 0.3)];
  const late = optimizer();
  warnOfLearned(late, method, { layers: held, step: 200 });
  expect(warnings).toEqual([]);
  warnOfLearned(late, method, { layers: held, step: 300 });
  warnOfLearned(late, method, { layers: held, step: 400 });
  const text =
    "SGD: mode ltp: the step limit decides the threshold of a, b, not loss and price: most of the latest steps of pruning were cut to ltp.clip (0.05). Raise it, prune for more steps, or lower ltp.l0 (0.05) or ltp.lr (10)";
  expect(warnings).toEqual([text]);
  const short = makePruningMethod({ method: "ltp", schedule: "none", mode: "latent", freezeEpoch: 1 }, run);
  warnOfLearned(optimizer(), short, { layers: held, step: 100 });
  expect(warnings).toEqual([text, text]);
});
