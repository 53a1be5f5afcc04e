// Measures whole training steps, and the cost of a dispatch.

import { noGrad } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import { add } from "../../src/ops/index.ts";
import { Scope, zeros } from "../../src/tensor/index.ts";
import type { Precision } from "../../src/train/index.ts";
import { recorded } from "../cases/recorded.ts";
import { hostMs } from "../cases/steps.ts";
import { Training } from "../cases/training.ts";
import { median } from "../lib/statistics.ts";

export interface StepRow {
  readonly model: string;
  readonly precision: Precision;
  readonly batch: number;
  /** First step, with its compilations. */
  readonly firstMs: number;
  readonly ms: number;
  readonly leastMs: number;
  readonly imagesPerSecond: number;
  readonly steps: number;
  readonly dispatches: number;
  /** Host microseconds per dispatch of a replayed step. */
  readonly hostUs: number;
  /** Peak MiB of the step's plan and of weights. */
  readonly mib: number;
  readonly loss: number;
}

export interface StepModel {
  readonly model: string;
  readonly batch: number;
  readonly size: number;
}

export const STEP_MODELS: readonly StepModel[] = [
  { model: "resnet-50", batch: 64, size: 224 },
  { model: "resnet-20", batch: 128, size: 32 },
];
/** The same for an adapter that computes on the CPU. */
export const SMALL_STEP_MODELS: readonly StepModel[] = [
  { model: "resnet-20", batch: 8, size: 32 },
  { model: "resnet-50", batch: 1, size: 224 },
];

const MOST_STEPS = 30;
const MIB = 2 ** 20;

/** Measure steps of a model for at most `seconds` after the first one. */
export async function measureStep(
  { model, batch, size }: StepModel,
  precision: Precision,
  seconds: number,
): Promise<StepRow> {
  const training = new Training({ model, batch, channels: 3, size, precision });
  try {
    const firstMs = await training.time(1);
    await training.time(1);
    const end = performance.now() + 1000 * seconds;
    const times: number[] = [];
    while (times.length < 3 || (times.length < MOST_STEPS && performance.now() < end))
      times.push(await training.time(1));
    const dispatches = training.dispatches();
    const { arenaBytes, persistentBytes } = training.step.memory();
    const host = await hostMs(() => training.run(), median(times) > 500 ? 1 : 5);
    const ms = median(times);
    const mib = (arenaBytes + persistentBytes) / MIB;
    const loss = await training.loss();
    const rates = { ms, leastMs: Math.min(...times), imagesPerSecond: (1000 * batch) / ms, steps: times.length };
    return { model, precision, batch, firstMs, ...rates, dispatches, hostUs: (1000 * host) / dispatches, mib, loss };
  } finally {
    training.dispose();
  }
}

export interface Overhead {
  /** Microseconds of a small dispatch in a long list, host and adapter together. */
  readonly dispatchUs: number;
  /** Microseconds of the host's work for it. */
  readonly encodeUs: number;
  /** Microseconds of a submit with one dispatch, until the host has waited for it. */
  readonly roundTripUs: number;
}

const LIST = 2000;
const ROUNDS = 5;

/** Measure the cost of dispatches that compute next to nothing. */
export async function measureOverhead(): Promise<Overhead> {
  using _scope = new Scope();
  const gpu = currentGpu();
  const x = zeros([64]);
  const variant = recorded("add", () => noGrad(() => [add(x, x)]));
  variant.run();
  await gpu.wait();
  const all: number[] = [];
  const host: number[] = [];
  const trips: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    for (let i = 0; i < LIST; i++) variant.run();
    host.push((1000 * (performance.now() - start)) / LIST);
    await gpu.wait();
    all.push((1000 * (performance.now() - start)) / LIST);
    const begin = performance.now();
    for (let i = 0; i < 10; i++) {
      variant.run();
      await gpu.wait();
    }
    trips.push((1000 * (performance.now() - begin)) / 10);
  }
  return { dispatchUs: Math.min(...all), encodeUs: Math.min(...host), roundTripUs: Math.min(...trips) };
}
