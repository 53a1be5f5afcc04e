// Options of schedules, methods and the optimiser: unknown and unused ones are refused by name, also in spread objects, which
// TypeScript does not check.
import { describe, expect, test } from "vitest";
import { makeLrSchedule } from "../../src/optim/lr_scheduler.ts";
import { checkValues } from "../../src/optim/optimizer_options.ts";
import { checkOptions } from "../../src/optim/sgd_options.ts";
import { makePruningMethod } from "../../src/prune/methods/index.ts";
import { makeThresholdSchedule } from "../../src/prune/threshold_schedule.ts";

const length = { epochs: 4, stepsPerEpoch: 5 };
const lr = (config: object) => () => makeLrSchedule({ schedule: "cosine", base: 0.1, ...config } as never, length);
const shape = { totalSteps: 20, mainSteps: 20, stepsPerEpoch: 5, lr: () => 0.1, momentum: 0.9, seed: 0 };
const prune = (config: object) => () =>
  makePruningMethod({ schedule: "lats", mode: "latent", ...config } as never, shape);
const threshold = (config: object) => () =>
  makeThresholdSchedule({ schedule: "lats", threshold: 1, ...config } as never, {
    ...length,
    totalSteps: 20,
    lr: () => 0.1,
  });
const sgd =
  (options: object, ...groups: object[]) =>
  () =>
    checkOptions({ lr: 0.1, ...options }, groups);

describe("refused", () => {
  test.each<[string, () => unknown, string]>([
    [
      "a rate's unknown key",
      lr({ mininum: 0.1 }),
      "learning-rate schedule: unknown option mininum, expected schedule, base",
    ],
    ["and what it may mean", lr({ warmup_epochs: 1 }), "did you mean warmupEpochs?"],
    [
      "milestones of a cosine",
      lr({ milestones: [2] }),
      "learning-rate schedule: milestones is for schedule multistep: expected nothing, got [2]",
    ],
    ["gamma of a cosine", lr({ gamma: 0.5 }), "gamma is for schedule multistep and step"],
    ["min of a constant", lr({ schedule: "constant", min: 0.01 }), "min is for schedule cosine"],
    [
      "beta of lats",
      prune({ threshold: 1, beta: 0.1 }),
      "beta: expected nothing with schedule lats, since it is for pgh and pgh-general, got 0.1",
    ],
    [
      "ltp of str",
      prune({ method: "str", ltp: { l0: 3 } }),
      'pruning: ltp is for method ltp: expected nothing, got {"l0":3}',
    ],
    ["every of soft", prune({ threshold: 1, every: 3 }), "every is for method gmp"],
    ["an unknown key of a method", prune({ treshold: 1, threshold: 1 }), "pruning: unknown option treshold"],
    ["beta of a schedule", threshold({ beta: 0.1 }), "threshold schedule: beta: expected nothing with schedule lats"],
    [
      "an unknown key of a schedule",
      threshold({ window: 3 }),
      "threshold schedule: unknown option window, expected schedule, threshold",
    ],
    ["an unknown option", sgd({ momentun: 0.9 }), "SGD: unknown option momentun, expected lr, threshold, momentum"],
    ["one of a group", sgd({}, { weight_decay: 1 }), "did you mean weightDecay?"],
    [
      "one within",
      sgd({ mode: "str", str: { strat: 1 } }, {}),
      "SGD: str: unknown option strat, expected start, decay; did you mean start?",
    ],
    ["str without its mode", sgd({ str: { start: 1 } }, {}), "SGD: str: expected nothing, since no group has mode str"],
    [
      "ltp in a group of another mode",
      sgd({}, { mode: "latent", ltp: { l0: 1 } }),
      "SGD: ltp: expected nothing in a group of mode latent, since it is for mode ltp",
    ],
    ["a step's value", () => checkValues({ treshold: 1 } as never), "SGD: unknown option treshold"],
  ])("%s", (_name, make, message) => {
    expect(make).toThrow(message);
  });
});

describe("taken", () => {
  test.each<[string, () => unknown]>([
    ["what is undefined", lr({ milestones: undefined, other: undefined })],
    ["what happens anyway", lr({ gamma: 0.1 })],
    ["a threshold of none that is 0", prune({ schedule: "none", threshold: 0, startEpoch: 0, dense: [] })],
    ["what belongs", prune({ schedule: "pgh", beta: 0.1, threshold: 1 })],
    ["options of one group's mode", sgd({ str: { start: 1 } }, { mode: "str" }, {})],
  ])("%s", (_name, make) => {
    expect(make).not.toThrow();
  });
});
