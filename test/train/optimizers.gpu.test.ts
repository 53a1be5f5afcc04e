// Runs with Adam, AdamW and RMSProp: replay, micro-batches, checkpoints, f16, every pruning method, the memory plan and refusals.
import { describe, expect, test } from "vitest";
import { currentGpu, requestGpu, setCurrentGpu } from "../../src/gpu/index.ts";
import { Flatten, Linear, manualSeed, ReLU, Sequential } from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { completeConfig, planTraining, type RunSettings, Session } from "../../src/train/index.ts";
import { inBrowser } from "../support/browser.ts";
import { expectClose } from "../support/close.ts";
import { testHalf } from "../support/half.ts";
import { squares } from "../support/shapes.ts";
import {
  differing,
  finish,
  keysOf,
  type TinyMore,
  type TinyPrune,
  tensorOf,
  tinyConfig,
  tinyModel,
  tinyRun,
  tinySession,
} from "../support/tiny_session.ts";

const OPTIMIZERS = {
  adam: { optimizer: { name: "adam", amsgrad: true }, lr: { schedule: "cosine", base: 0.01 }, momentum: 0 },
  adamw: { optimizer: { name: "adamw" }, lr: { schedule: "cosine", base: 0.01 }, momentum: 0 },
  rmsprop: { optimizer: { name: "rmsprop", centered: true, eps: 1e-4 }, lr: { schedule: "cosine", base: 0.005 } },
} as const satisfies Record<string, TinyMore>;
const NAMES = Object.keys(OPTIMIZERS) as (keyof typeof OPTIMIZERS)[];

const short = (
  name: keyof typeof OPTIMIZERS,
  prune: TinyPrune = { threshold: 0.02 },
  more: TinyMore = {},
  replay = true,
) => tinySession(prune, { epochs: 2, logEvery: 3, ...OPTIMIZERS[name], ...more }, replay);

describe.each(NAMES)("%s", (name) => {
  test.each<[string, TinyPrune]>([
    ["learns and prunes", { threshold: 0.02 }],
    ["searches a threshold for a sparsity", { sparsity: 0.4 }],
    ["prunes blocks", { group: "block8", groupShare: 0.7, threshold: 0.05 }],
  ])(
    "%s; a replayed run has the bits of an eager one, and a resumed run those of one without a stop",
    async (_what, prune) => {
      const whole = await finish(short(name, prune), 1);
      const eager = await finish(short(name, prune, undefined, false));
      expect(differing(whole.bytes, eager.bytes)).toEqual([]);
      expect(whole.epochs.at(-1)!.loss).toBeLessThan(whole.epochs[0]!.loss);
      expect(whole.epochs.at(-1)!.sparsity).toBeGreaterThan(0.03);
      expect(keysOf(whole.bytes).filter((key) => key.startsWith("moments."))).toContain("moments.3.weight");
      const { bytes, position } = whole.saved.get(4)!;
      const session = short(name, prune);
      session.load(bytes, "checkpoint");
      const rest = await finish(session);
      expect(differing(rest.bytes, whole.bytes)).toEqual([]);
      expect(position.step).toBe(4);
    },
  );

  test("micro-batches give the run of whole batches, up to rounding", async () => {
    const runs = [];
    for (const microBatch of [16, 4]) {
      manualSeed(5);
      // Without batch norm, whose statistics differ.
      const model = new Sequential([new Flatten(), new Linear(64, 40), new ReLU(), new Linear(40, 4)]);
      const config = tinyConfig({ threshold: 0.02 }, { epochs: 1, ...OPTIMIZERS[name], microBatch });
      const { bytes } = await finish(new Session({ model, data: squares(32, 8, 1), config }));
      runs.push(tensorOf(bytes, "latent.1.weight"));
    }
    expectClose(runs[1]!, runs[0]!, { rtol: 1e-3, atol: 1e-4 });
  });

  test.each<[string, TinyPrune]>([
    ["inplace", { threshold: 0.01, mode: "inplace" }],
    ["a threshold steered to a sparsity", { sparsity: 0.6, steer: "threshold" }],
    ["early", { threshold: 0.02, freezeEpoch: 1 }],
    ["gmp", { method: "gmp", sparsity: 0.6, every: 2 }],
    ["one-shot", { method: "one-shot", sparsity: 0.6, startEpoch: 1 }],
    ["snip", { method: "snip", sparsity: 0.6, snipBatches: 1 }],
    ["random", { method: "random", sparsity: 0.6 }],
    ["at-init", { method: "at-init", sparsity: 0.6 }],
  ])("prunes with %s", async (_what, prune) => {
    const { epochs, steps } = await finish(short(name, prune));
    expect(epochs.at(-1)!.sparsity).toBeGreaterThan(prune.sparsity === undefined ? 0.01 : 0.5);
    for (const { loss, lambdaTotal } of steps) expect(Number.isFinite(loss) && Number.isFinite(lambdaTotal)).toBe(true);
  });

  test.each<[string, TinyPrune]>([
    ["str", { method: "str" }],
    ["ltp", { method: "ltp" }],
    ["fista", { threshold: 0.01, mode: "inplace", accelerated: true }],
  ])("refuses %s by name", (mode, prune) => {
    expect(() => short(name, prune)).toThrow(`mode: expected latent, inplace or none, got ${mode}, which`);
  });

  testHalf("trains in f16, and a resumed run has the bits of one without a stop", async () => {
    const half: TinyMore = { precision: "f16" };
    const whole = await finish(short(name, undefined, half), 1);
    expect(whole.epochs.at(-1)!.loss).toBeLessThan(whole.epochs[0]!.loss);
    const session = short(name, undefined, half);
    session.load(whole.saved.get(4)!.bytes, "checkpoint");
    expect(differing((await finish(session)).bytes, whole.bytes)).toEqual([]);
  });

  test.skipIf(inBrowser)("a run takes the memory that was predicted", async () => {
    const before = currentGpu();
    const gpu = await requestGpu({ tune: "off" });
    try {
      const config = tinyConfig(
        { threshold: 0.02 },
        { epochs: 1, augment: { crop: 0, flip: false }, ...OPTIMIZERS[name] },
      );
      const sample = [1, 8, 8] as const;
      const plan = planTraining({
        build: tinyModel,
        sample,
        classes: 4,
        config,
        trainImages: 72,
        adapter: gpu.adapter,
      });
      const session = new Session({ model: tinyModel(), data: { train: squares(72, 8, 1) }, config });
      await session.fit();
      expect(Math.abs(plan.peak / gpu.memory().peak - 1)).toBeLessThan(0.05);
      const moments = { adam: 3, adamw: 2, rmsprop: 3 }[name];
      expect([plan.momentum, plan.moments >= moments * 4 * 2782]).toEqual([0, true]);
      session.dispose();
    } finally {
      await gpu.wait();
      gpu.destroy();
      setCurrentGpu(before);
    }
  });
});

test("records have the L1 coefficient in the unit of the threshold", async () => {
  const { steps } = await tinyRun({ lambda: 0.05 }, { epochs: 1, weightDecay: 0.1, ...OPTIMIZERS.adam });
  const adamw = await tinyRun({ lambda: 0.05 }, { epochs: 1, weightDecay: 0.1, ...OPTIMIZERS.adamw });
  for (const { lambda, lambdaEffective, lambdaDecay } of steps) {
    expect(lambda).toBeCloseTo(0.05, 6);
    expect([lambdaEffective, lambdaDecay]).toEqual([lambda, 0]);
  }
  for (const { threshold, lambdaDecay } of adamw.steps.slice(1)) {
    expect(lambdaDecay).toBeGreaterThan(0);
    expect(lambdaDecay).toBeLessThanOrEqual(0.1 * threshold);
  }
});

test("settings have PyTorch's defaults, and those that the optimiser does not read are refused", () => {
  expect(completeConfig({ optimizer: "adamw" })).toMatchObject({
    optimizer: { name: "adamw" },
    lr: { schedule: "cosine", base: 0.001 },
    momentum: 0,
    weightDecay: 0.01,
  });
  expect(completeConfig({ optimizer: { name: "rmsprop" }, lr: 0.1, weightDecay: 1e-3 })).toMatchObject({
    lr: { base: 0.1 },
    momentum: 0,
    weightDecay: 1e-3,
  });
  const open = (config: RunSettings) => () => new Session({ model: tinyModel(), data: squares(8, 8, 1), config });
  const refusals: [RunSettings, string][] = [
    [{ optimizer: "lion" as "adam" }, "optimizer: expected one of sgd, adam, adamw, rmsprop, got lion"],
    [
      { optimizer: { name: "adam", alpha: 0.5 } },
      "optimizer: alpha is for optimizer rmsprop: expected nothing, got 0.5",
    ],
    [{ optimizer: { name: "sgd", betas: [0.5, 0.5] } }, "optimizer: betas is for optimizer adam and adamw"],
    [{ optimizer: { name: "adam", beta: 1 } as never }, "optimizer: unknown option beta"],
    [{ optimizer: 3 as never }, "config: optimizer: expected a name or an object of settings, got number"],
    [{ optimizer: "adam", momentum: 0.9 }, "momentum: expected 0 with optimizer adam, which has none, got 0.9"],
    [{ optimizer: "rmsprop", nesterov: true }, "nesterov: expected false with optimizer rmsprop, got true"],
  ];
  for (const [config, message] of refusals) expect(open(config)).toThrow(message);
  const data = squares(8, 8, 1);
  const optimizer = (groups: ConstructorParameters<typeof SGD>[0]) => new SGD(groups, { lr: 0.1 });
  expect(() => new Session({ model: tinyModel(), data, config: { optimizer: "adam" }, optimizer })).toThrow(
    "Session: config.optimizer: expected nothing beside a custom optimizer",
  );
});
