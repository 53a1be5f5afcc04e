// Memory of whole runs: how near the plan of a step is to what no plan can beat, and whether predictions come true.
import { expect, test } from "vitest";
import type { ImageDataset } from "../../src/data/index.ts";
import { currentGpu, GENERIC_ADAPTER, requestGpu, setCurrentGpu } from "../../src/gpu/index.ts";
import { buildModel } from "../../src/models/index.ts";
import { type Module, manualSeed, summarize } from "../../src/nn/index.ts";
import { planTraining, type RunConfig, Session } from "../../src/train/index.ts";
import { inBrowser } from "../support/browser.ts";
import { randomArray } from "../support/random.ts";

const config = (batchSize: number): RunConfig => ({
  epochs: 1,
  batchSize,
  lr: { schedule: "constant", base: 0.05, per: "step" },
  momentum: 0.9,
  nesterov: false,
  weightDecay: 1e-4,
  labelSmoothing: 0,
  prune: {
    schedule: "lats",
    threshold: 0.01,
    mode: "latent",
    startEpoch: 0,
  },
  augment: { crop: 0, flip: false },
  seed: 5,
  logEvery: 10,
});

function images(length: number, shape: readonly [number, number, number]): ImageDataset {
  const pixels = shape.reduce((a, b) => a * b, 1);
  return {
    name: "noise",
    images: Uint8Array.from(randomArray(length * pixels, 3), (v) => 128 + 40 * v),
    labels: Uint8Array.from({ length }, (_, i) => i % 10),
    shape,
    classes: Array.from({ length: 10 }, (_, i) => String(i)),
    mean: shape[0] === 1 ? [0.5] : [0.5, 0.5, 0.5],
    std: shape[0] === 1 ? [0.2] : [0.2, 0.2, 0.2],
    length,
  };
}

function build(name: string, [channels, size]: readonly [number, number, number], checkpoint = false): Module {
  manualSeed(5);
  return buildModel(name, { channels, size, classes: 10 }, { activationCheckpoint: checkpoint });
}

const GREY = [1, 28, 28] as const;
const COLOUR = [3, 32, 32] as const;

/** Run on a separate device and count all its storage buffers from outside. */
async function onFreshGpu<T>(run: (stored: () => number) => Promise<T>): Promise<T> {
  const before = currentGpu();
  const gpu = await requestGpu({ tune: "off" }); // trials make extra buffers and destroy them
  const { device } = gpu;
  const createBuffer = device.createBuffer.bind(device);
  let bytes = 0;
  Object.defineProperty(device, "createBuffer", {
    value: (made: GPUBufferDescriptor) => {
      if (made.usage & GPUBufferUsage.STORAGE) bytes += made.size;
      return createBuffer(made);
    },
  });
  try {
    return await run(() => bytes);
  } finally {
    await gpu.wait();
    gpu.destroy();
    setCurrentGpu(before);
  }
}

test.each([
  ["lenet-bn", GREY, 64],
  ["resnet-8", COLOUR, 32],
] as const)(
  "the arena of a %s step is near the liveness bound, and evaluation fits in it",
  async (model, sample, batch) => {
    await onFreshGpu(async () => {
      const data = images(batch, sample);
      const session = new Session({
        model: build(model, sample),
        data: { train: data, test: data },
        config: config(batch),
      });
      const [training, evaluation] = session.rehearse();
      expect(training!.ratio).toBeGreaterThanOrEqual(1);
      expect(training!.ratio).toBeLessThan(1.02);
      expect(evaluation!.ratio).toBeLessThan(1.05);
      expect(evaluation!.lowerBound).toBeGreaterThan(0);
      expect(currentGpu().memory().steps).toBeLessThan(1.02 * training!.arenaBytes);
      session.dispose();
    });
  },
);

test.each([
  // A shorter last batch, and several evaluation batches.
  ["lenet-bn", GREY, 64, 64 * 2 + 10, 700],
  ["resnet-8", COLOUR, 16, 16, 20],
] as const)("a run of %s takes the memory that was predicted", async (name, sample, batch, trainImages, testImages) => {
  await onFreshGpu(async (stored) => {
    const { adapter } = currentGpu();
    const options = { build: () => build(name, sample), sample, classes: 10, config: config(batch), adapter };
    const plan = planTraining({ ...options, trainImages, testImages });
    const created = stored();
    expect(created).toBe(0);
    const session = new Session({
      model: options.build(),
      data: { train: images(trainImages, sample), test: images(testImages, sample) },
      config: options.config,
    });
    await session.fit();
    const { peak, live, pooled } = currentGpu().memory();
    expect(Math.abs(plan.peak / peak - 1)).toBeLessThan(0.05);
    expect(Math.abs(plan.held / stored() - 1)).toBeLessThan(0.05);
    expect(live + pooled).toBe(stored());
    const parts = plan.parameters + plan.latent + plan.gradients + plan.momentum + plan.inputs + plan.activations;
    expect(parts + plan.other).toBe(plan.held);
    expect(plan.other).toBeGreaterThan(0);
    session.dispose();
  });
});

test("MobileNet-V1 at 64 pixels, batch 4: one step takes the predicted memory", async () => {
  const sample = [3, 64, 64] as const;
  await onFreshGpu(async (stored) => {
    const options = { build: () => build("mobilenet-v1", sample), sample, classes: 10, config: config(4) };
    const plan = planTraining({ ...options, adapter: currentGpu().adapter });
    const { build: make, config: settings } = options;
    const none = { ...images(1, sample), length: 0 };
    const session = new Session({ model: make(), data: { train: images(4, sample), test: none }, config: settings });
    session.rehearse();
    await currentGpu().wait();
    expect(Math.abs(plan.peak / currentGpu().memory().peak - 1)).toBeLessThan(0.05);
    expect(Math.abs(plan.held / stored() - 1)).toBeLessThan(0.05);
    session.dispose();
  });
});

test.each([true, false])("memory in use is the same after many steps as after 2, replayed %s", async (replay) => {
  const steps = inBrowser ? 30 : 200;
  const data = images(4, GREY);
  const before = currentGpu().memory().live;
  const session = new Session({
    model: build("lenet-bn", GREY),
    data: { train: data, test: data },
    config: config(4),
    replay,
  });
  const at: number[] = [];
  for (let step = 1; step <= steps; step++) {
    session.rehearse();
    if (step === 2 || step === steps) at.push(currentGpu().memory().live);
  }
  expect(at[0]).toBeGreaterThan(before);
  expect(at[1]).toBe(at[0]);
  await currentGpu().wait();
  session.dispose();
  expect(currentGpu().memory().live).toBe(before);
});

test("a checkpointed model has its blocks' names and weights; one without blocks says which have some", () => {
  const [plain, checkpointed] = [false, true].map((c) => build("resnet-8", COLOUR, c)) as [Module, Module];
  const names = (model: Module) => [...model.namedState()].map(([name, t]) => [name, t.shape]);
  expect(names(checkpointed)).toEqual(names(plain));
  expect(summarize(checkpointed, COLOUR)).toEqual(summarize(plain, COLOUR));
  expect(() => build("lenet-bn", GREY, true)).toThrow(
    /activationCheckpoint: expected one of resnet-8, resnet-8-narrow, resnet-20, resnet-32, .*, got lenet-bn/,
  );
});

test("planning needs no device and does not touch the current one", () => {
  const gpu = currentGpu();
  const before = gpu.counters();
  const options = { build: () => build("resnet-8", COLOUR), sample: COLOUR, classes: 10, config: config(16) };
  const plan = planTraining(options);
  expect(currentGpu()).toBe(gpu);
  expect(gpu.counters()).toEqual(before);
  setCurrentGpu(null);
  try {
    expect(planTraining(options)).toEqual(plan);
    expect(() => currentGpu()).toThrow("no GPU device");
  } finally {
    setCurrentGpu(gpu);
  }
  expect(() => planTraining({ ...options, trainImages: 0 })).toThrow("trainImages: expected an integer >= 1, got 0");
  const limits = { ...GENERIC_ADAPTER.limits, maxStorageBufferBindingSize: 2 ** 20 };
  const narrow = { ...options, config: config(64), adapter: { ...GENERIC_ADAPTER, limits } };
  expect(() => planTraining(narrow)).toThrow("this adapter binds at most 1048576 bytes at once");
  expect(currentGpu()).toBe(gpu);
});

// In Chromium a smaller one: same bits, and as much memory as its few blocks save.
const [CHECKPOINTED, SHARE] = inBrowser ? (["resnet-8", 0.9] as const) : (["resnet-20", 0.65] as const);

test(`checkpointing ${CHECKPOINTED} by blocks: the same bits, at most ${100 * SHARE} % of the memory`, async () => {
  const weights: unknown[] = [];
  const peaks: number[] = [];
  const seconds: number[] = [];
  for (const checkpointed of [false, true]) {
    await onFreshGpu(async () => {
      const data = images(16, COLOUR);
      const none = { ...data, length: 0 };
      const make = () => build(CHECKPOINTED, COLOUR, checkpointed);
      const { adapter } = currentGpu();
      const plan = planTraining({ build: make, sample: COLOUR, classes: 10, config: config(16), adapter });
      const model = make();
      const session = new Session({ model, data: { train: data, test: none }, config: config(16) });
      session.rehearse();
      peaks.push(currentGpu().memory().peak);
      expect(Math.abs(plan.peak / currentGpu().memory().peak - 1)).toBeLessThan(0.05);
      await currentGpu().wait();
      const started = performance.now();
      session.rehearse();
      await currentGpu().wait();
      seconds.push((performance.now() - started) / 1000);
      weights.push(await session.save({ step: 2, epoch: 0, batch: 0 }));
      session.dispose();
    });
  }
  expect(weights[1]).toEqual(weights[0]);
  const [plain, checkpointed] = peaks as [number, number];
  console.info(
    `${CHECKPOINTED}, batch 16: peak ${plain} -> ${checkpointed} bytes (${(checkpointed / plain).toFixed(3)}), ` +
      `one step ${seconds.map((s) => s.toFixed(2)).join(" -> ")} s`,
  );
  expect(checkpointed / plain).toBeLessThan(SHARE);
});
