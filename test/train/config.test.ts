import { expect, test } from "vitest";
import { completeConfig, type RunSettings } from "../../src/train/config.ts";
import { planRun } from "../../src/train/run_plan.ts";

const defaults = {
  ...{ epochs: 10, batchSize: 32, momentum: 0.9, nesterov: false, weightDecay: 1e-4, labelSmoothing: 0 },
  ...{ lr: { schedule: "cosine", base: 0.05 }, prune: { schedule: "none", mode: "latent" } },
  ...{ augment: { crop: 0, flip: false }, seed: 0, logEvery: 10 },
};

test("fills in every setting", () => {
  expect(completeConfig()).toEqual(defaults);
  expect(completeConfig({ epochs: undefined, lr: undefined, prune: {}, augment: {} })).toEqual(defaults);
});

const partial: [string, RunSettings, object][] = [
  ["a rate", { lr: 0.2 }, { lr: { schedule: "cosine", base: 0.2 } }],
  ["a part of a schedule", { lr: { warmupEpochs: 2 } }, { lr: { schedule: "cosine", base: 0.05, warmupEpochs: 2 } }],
  ["a target sparsity", { prune: { sparsity: 0.9 } }, { prune: { schedule: "lats", mode: "latent", sparsity: 0.9 } }],
  [
    "a threshold of proximal steps",
    { prune: { threshold: 0.1, mode: "inplace" } },
    { prune: { schedule: "lats", mode: "inplace", threshold: 0.1 } },
  ],
  [
    "a method without a schedule",
    { prune: { method: "gmp", sparsity: 0.5 } },
    { prune: { schedule: "none", mode: "latent", method: "gmp", sparsity: 0.5 } },
  ],
  [
    "pruning at initialisation",
    { prune: { method: "at-init", threshold: 0.1 } },
    { prune: { schedule: "lats", mode: "latent", method: "at-init", threshold: 0.1 } },
  ],
  ["mirrored images", { augment: { flip: true } }, { augment: { crop: 0, flip: true } }],
];
test.each(partial)("completes %s to a plan that runs", (_, settings, expected) => {
  const config = completeConfig(settings);
  expect(config).toEqual({ ...defaults, ...expected });
  expect(planRun(config, 8).totalSteps).toBe(80);
});

test("leaves a whole configuration as it is", () => {
  const whole = completeConfig({ epochs: 3, microBatch: 8, finetuneEpochs: 1, prune: { method: "str" } });
  expect(completeConfig(whole)).toEqual(whole);
});
