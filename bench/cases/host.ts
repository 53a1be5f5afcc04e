// Costs of the host: encoding and submitting a step, moving bytes, and waiting for a result.
import { currentGpu } from "../../src/gpu/index.ts";
import { relu } from "../../src/ops/unary.ts";
import { captureStep, fillZero, readAll, type Tensor, tensor } from "../../src/tensor/index.ts";
import type { HostCase, HostFigure } from "../lib/case.ts";
import { median } from "../lib/statistics.ts";
import { CallCounter, objectsMade } from "./calls.ts";
import { hostMs } from "./steps.ts";

/** Dispatches of the step that measures overhead. Each is too small to matter. */
const CHAIN = 200;
const VALUES = 256;
const TRIES = 60;

function chain(x: Tensor): { y: Tensor } {
  let y = relu(x);
  for (let i = 1; i < CHAIN; i++) y = relu(y);
  return { y };
}

interface Overhead {
  /** Host microseconds per dispatch: encode and submit on an idle device. */
  readonly hostUs: number;
  /** Microseconds per dispatch until the queue is empty. */
  readonly totalUs: number;
  /** Host microseconds per dispatch of the same step run eagerly. */
  readonly eagerHostUs: number;
  readonly eagerTotalUs: number;
  /** Buffers, bind groups, pipelines and shader modules made in one replay, and buffers made by the pool. */
  readonly made: number;
  /** Submits of one replay. */
  readonly submits: number;
}

async function totalMs(run: () => void): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < TRIES; i++) {
    const start = performance.now();
    run();
    await currentGpu().wait();
    times.push(performance.now() - start);
  }
  return median(times);
}

/** Measure the overhead of a captured step of 200 small dispatches, and of the same step run eagerly. */
export async function replayOverhead(): Promise<Overhead> {
  const gpu = currentGpu();
  const x = { data: new Float32Array(VALUES).fill(1), shape: [VALUES] };
  using captured = captureStep<"x", { y: Tensor }>(({ x: input }) => chain(input));
  using eager = captureStep<"x", { y: Tensor }>(({ x: input }) => chain(input), { replay: false });
  const run = () => {
    captured.run({ x });
  };
  const runEagerly = () => {
    eager.run({ x });
  };
  for (const warmUp of [run, runEagerly]) for (let i = 0; i < 5; i++) warmUp();
  await gpu.wait();
  const hostUs = (1000 * (await hostMs(run, TRIES))) / CHAIN;
  const totalUs = (1000 * (await totalMs(run))) / CHAIN;
  const eagerHostUs = (1000 * (await hostMs(runEagerly, TRIES))) / CHAIN;
  const eagerTotalUs = (1000 * (await totalMs(runEagerly))) / CHAIN;
  run();
  await gpu.wait();
  using counter = new CallCounter();
  const { created } = gpu.pool.stats;
  run();
  const calls = counter.take();
  await gpu.wait();
  const made = objectsMade(calls) + gpu.pool.stats.created - created;
  return { hostUs, totalUs, eagerHostUs, eagerTotalUs, made, submits: calls.submits };
}

const overheadCase: HostCase = {
  kind: "host",
  group: "host",
  name: `replay of ${CHAIN} small dispatches`,
  async measure() {
    const o = await replayOverhead();
    return [
      { name: "host", value: o.hostUs, unit: "us/dispatch" },
      { name: "until done", value: o.totalUs, unit: "us/dispatch" },
      { name: "eager, host", value: o.eagerHostUs, unit: "us/dispatch" },
      { name: "eager, until done", value: o.eagerTotalUs, unit: "us/dispatch" },
      { name: "objects made", value: o.made, unit: "" },
      { name: "submits", value: o.submits, unit: "" },
    ];
  },
};

const TRANSFER = 2 ** 24;

/** Measure the median milliseconds of an asynchronous call. */
async function timeOf(act: () => Promise<unknown>, tries: number): Promise<number> {
  const times: number[] = [];
  await act();
  for (let i = 0; i < tries; i++) {
    const start = performance.now();
    await act();
    times.push(performance.now() - start);
  }
  return median(times);
}

async function transferFigures(move: (t: Tensor, values: Float32Array) => Promise<unknown>): Promise<HostFigure[]> {
  const large = new Float32Array(TRANSFER / 4).map((_, i) => i % 4093);
  const small = Float32Array.of(1);
  const [largeTensor, smallTensor] = [tensor(large), tensor(small)];
  const ms = await timeOf(() => move(largeTensor, large), 15);
  const latency = await timeOf(() => move(smallTensor, small), 101);
  return [
    { name: "16 MiB", value: TRANSFER / ms / 1e6, unit: "GB/s" },
    { name: "4 bytes", value: 1000 * latency, unit: "us" },
  ];
}

const uploadCase: HostCase = {
  kind: "host",
  group: "host",
  name: "upload",
  measure: () => {
    const flag = tensor([0]);
    return transferFigures(async (t, values) => {
      t.set(values);
      fillZero(flag); // a write alone is not submitted: there would be nothing to wait for
      await currentGpu().wait();
    });
  },
};

const readbackCase: HostCase = {
  kind: "host",
  group: "host",
  name: "readback",
  measure: () =>
    transferFigures(async (t, values) => {
      const [got] = await readAll(t);
      const last = values.length - 1;
      if (got?.length !== values.length || got[last] !== values[last]) throw new Error("readback gave other values");
    }),
};

export const hostCases: readonly HostCase[] = [overheadCase, uploadCase, readbackCase];
