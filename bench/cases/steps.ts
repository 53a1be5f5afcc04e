// Whole training steps: forward, loss, backward and update, replayed; and the bytes that they leave in memory.
import { currentGpu } from "../../src/gpu/index.ts";
import type { HostCase, HostFigure } from "../lib/case.ts";
import { median } from "../lib/statistics.ts";
import { CallCounter, objectsMade } from "./calls.ts";
import { Training, type TrainingOptions } from "./training.ts";

const MB = 2 ** 20;
/** Total milliseconds of the timed steps of one case. */
const STEPS_MS = 4000;
const LEAST_STEPS = 3;
const MOST_STEPS = 60;
/** Samples of the host time of one step, each with an empty queue before it. */
const HOST_TRIES = 15;

/** Measure the host milliseconds of a replayed step, encoded and submitted while the device is idle. */
export async function hostMs(run: () => void, tries = HOST_TRIES): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < tries; i++) {
    await currentGpu().wait();
    const start = performance.now();
    run();
    times.push(performance.now() - start);
  }
  await currentGpu().wait();
  return median(times);
}

/** Measure the steps of one model after the first one, which compiles the pipelines. */
async function stepFigures(training: Training): Promise<HostFigure[]> {
  const one = await training.time(1);
  const count = Math.min(MOST_STEPS, Math.max(LEAST_STEPS, Math.round(STEPS_MS / one)));
  const times: number[] = [];
  for (let i = 0; i < count; i++) times.push(await training.time(1));
  const dispatches = training.dispatches();
  const { arenaBytes, lowerBound, persistentBytes } = training.step.memory();
  // A few long steps are enough to measure the host.
  const host = await hostMs(() => training.run(), one > 500 ? 3 : HOST_TRIES);
  await training.loss();
  return [
    { name: "step", value: median(times), unit: "ms" },
    { name: "fastest", value: Math.min(...times), unit: "ms" },
    { name: "dispatches", value: dispatches, unit: "" },
    { name: "host", value: (1000 * host) / dispatches, unit: "us/dispatch" },
    { name: "peak", value: (arenaBytes + persistentBytes) / MB, unit: "MiB" },
    { name: "step's own", value: arenaBytes / MB, unit: "MiB" },
    { name: "over liveness bound", value: arenaBytes / Math.max(1, lowerBound), unit: "x" },
  ];
}

interface StepOverhead {
  readonly dispatches: number;
  /** Host microseconds per dispatch of a replayed step, with its batch uploaded and an idle device. */
  readonly hostUs: number;
  /** Buffers, bind groups, pipelines and shader modules made by a replay. */
  readonly made: number;
}

/** Measure the work of the host for a replayed training step. */
export function stepOverhead(options: TrainingOptions): Promise<StepOverhead> {
  return withTraining(options, async (training) => {
    for (let i = 0; i < 2; i++) training.run();
    await training.loss();
    const hostUs = (1000 * (await hostMs(() => training.run(), 7))) / training.dispatches();
    using counter = new CallCounter();
    training.run();
    const made = objectsMade(counter.take());
    return { dispatches: training.dispatches(), hostUs, made };
  });
}

async function withTraining<T>(options: TrainingOptions, use: (training: Training) => Promise<T>): Promise<T> {
  const training = new Training(options);
  try {
    return await use(training);
  } finally {
    await currentGpu().wait();
    training.dispose();
  }
}

function stepCase(options: TrainingOptions): HostCase {
  const { model, batch, size } = options;
  return {
    kind: "host",
    group: "steps",
    name: `${model} batch ${batch} at ${size}x${size}`,
    measure: () =>
      withTraining(options, async (training) => {
        const start = performance.now();
        training.run();
        await training.loss();
        const first = performance.now() - start;
        return [...(await stepFigures(training)), { name: "first", value: first, unit: "ms" }];
      }),
  };
}

interface LiveBytes {
  /** Bytes referenced after this many steps. */
  readonly early: number;
  readonly late: number;
  /** Buffers made in between. */
  readonly created: number;
}

/** Measure the bytes in use after 2 and after 200 steps of LeNet with batch norm at batch 64. */
export function liveBytes(early = 2, late = 200): Promise<LiveBytes> {
  return withTraining(LENET, async (training) => {
    const { pool } = currentGpu();
    for (let i = 0; i < early; i++) training.run();
    await training.loss();
    const before = { ...pool.stats };
    for (let i = early; i < late; i++) training.run();
    await training.loss();
    return { early: before.live, late: pool.stats.live, created: pool.stats.created - before.created };
  });
}

const memoryCase: HostCase = {
  kind: "host",
  group: "steps",
  name: "bytes live over 200 steps, lenet-bn batch 64",
  async measure() {
    const { early, late, created } = await liveBytes();
    return [
      { name: "after 2", value: early, unit: "B" },
      { name: "after 200", value: late, unit: "B" },
      { name: "buffers made in between", value: created, unit: "" },
    ];
  },
};

/** The convolutional net of the README. */
export const LENET: TrainingOptions = { model: "lenet-bn", batch: 64, channels: 1, size: 28 };
export const RESNET: TrainingOptions = { model: "resnet-20", batch: 16, channels: 3, size: 32 };
const MOBILENET: TrainingOptions = { model: "mobilenet-v1", batch: 8, channels: 3, size: 64 };

/** Compare replayed steps with eager ones. */
const replayCase: HostCase = {
  kind: "host",
  group: "steps",
  name: "replayed against eager, lenet-bn batch 64",
  async measure() {
    const sides = [new Training(LENET), new Training({ ...LENET, replay: false })] as const;
    const times: [number[], number[]] = [[], []];
    try {
      for (const side of sides) await side.time(3);
      for (let round = 0; round < 9; round++) {
        for (const [i, side] of sides.entries()) times[i]!.push(await side.time(3));
      }
    } finally {
      for (const side of sides) side.dispose();
    }
    const [replayed, eager] = times.map(median) as [number, number];
    return [
      { name: "replayed", value: replayed, unit: "ms" },
      { name: "eager", value: eager, unit: "ms" },
      { name: "replay is faster by", value: eager / replayed, unit: "x" },
    ];
  },
};

export const stepCases: readonly HostCase[] = [
  stepCase(LENET),
  stepCase(RESNET),
  stepCase({ ...RESNET, batch: 128 }),
  stepCase(MOBILENET),
  replayCase,
  memoryCase,
];

// For a hardware adapter.
export const stepLargeCases: readonly HostCase[] = [
  stepCase({ ...LENET, batch: 256 }),
  stepCase({ ...RESNET, batch: 128 }),
  stepCase({ ...RESNET, batch: 512 }),
  stepCase({ ...MOBILENET, batch: 64 }),
  stepCase({ ...MOBILENET, batch: 32, size: 224 }),
];
