// Gauges the current speed of the adapter: the bandwidth of a plain copy, and multiply-adds without memory. Every share in
// a report refers to these values, measured in the same run.
import { currentGpu, grid1d, kernel } from "../../src/gpu/index.ts";
import { empty, readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import copyWgsl from "../shaders/gauge_copy.wgsl";
import fmaWgsl from "../shaders/gauge_fma.wgsl";
import { type Clock, timeRuns } from "./clock.ts";
import type { Gauge } from "./results.ts";

const copyKernel = kernel("gauge_copy", copyWgsl);
const fmaKernel = kernel("gauge_fma", fmaWgsl);

const MIB = 2 ** 20;
const STEPS = 16;
/**
 * Numbers of independent chains that are tried. Few do not hide the latency of a multiply-add, many do not fit into the
 * registers: 16 vector registers hold 10 chains, 32 hold 24.
 */
const CHAINS = [4, 8, 10, 12, 16, 24];
const TRIES = 5;
/** Milliseconds of a try. A single copy takes a quarter of a millisecond on a fast adapter. */
const TRY_MS = 20;

interface GaugeOptions {
  readonly clock?: Clock;
  /** Bytes of each of the two copied buffers. Default: larger than any cache, as far as the adapter allows. */
  readonly sizes?: readonly number[];
  /** Milliseconds of a run of the arithmetic gauge. Default 40. */
  readonly fmaMs?: number;
}

/** Measure the fastest of a few tries: the gauge is the peak, and disturbances only slow it down. */
async function best(run: () => void, clock: Clock): Promise<number> {
  const gpu = currentGpu();
  await timeRuns(gpu, run, 1, "queue");
  const { ms } = await timeRuns(gpu, run, 1, "queue");
  const repeats = Math.min(200, Math.max(1, Math.ceil(TRY_MS / Math.max(ms, 1e-3))));
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TRIES; i++) least = Math.min(least, (await timeRuns(gpu, run, repeats, clock)).ms / repeats);
  return least;
}

async function measureCopies(sizes: readonly number[], clock: Clock): Promise<Gauge["copies"]> {
  const copies: Gauge["copies"] = [];
  for (const bytes of sizes) {
    using _scope = new Scope();
    const n = bytes / 16;
    const values = new Float32Array(bytes / 4);
    for (let i = 0; i < values.length; i++) values[i] = i % 4093;
    const x = tensor(values);
    for (const perThread of [1, 4, 8]) {
      using _inner = new Scope();
      const y = empty(x.shape);
      const run = () =>
        copyKernel.run({ bind: { x, y }, params: { n }, spec: { ITEMS_PER_INVOCATION: perThread }, grid: grid1d(n) });
      const ms = await best(run, clock);
      await expectCopied(y, values);
      copies.push({ bytes, perThread, gbs: (2 * bytes) / ms / 1e6 });
    }
  }
  return copies;
}

async function expectCopied(y: Tensor, values: Float32Array): Promise<void> {
  const [got] = await readAll(y);
  if (got?.length !== values.length || !samplesEqual(got, values)) throw new Error("gauge: the copy is wrong");
}

/** Stride of the checked values: a prime, so that every lane and every part of an invocation is checked. */
function samplesEqual(got: ArrayLike<number>, want: ArrayLike<number>): boolean {
  for (let i = 0; i < want.length; i += 251) if (got[i] !== want[i]) return false;
  return true;
}

async function measureChains(fmaMs: number, clock: Clock): Promise<Gauge["chains"]> {
  const chains: Gauge["chains"] = [];
  const threads = currentGpu().adapter.software ? 2 ** 14 : 2 ** 20;
  for (const count of CHAINS) {
    using _scope = new Scope();
    const y = empty([threads]);
    // Converges to the fixed point b / (1 - a) = 1, far from infinities and denormal numbers.
    const launch = (turns: number) => () =>
      fmaKernel.run({
        bind: { y },
        params: { turns, a: 0.5, b: 0.5, zero: 0 },
        spec: { PAIRS: count / 2 },
        grid: grid1d(threads),
      });
    let turns = 16;
    await timeRuns(currentGpu(), launch(turns), 1, "queue");
    for (;;) {
      const { ms } = await timeRuns(currentGpu(), launch(turns), 1, clock);
      if (ms >= fmaMs / 2 || turns >= 2 ** 20) break;
      turns = Math.min(2 ** 20, Math.ceil(turns * Math.min(16, Math.max(1.5, fmaMs / ms))));
    }
    const ms = await best(launch(turns), clock);
    const [sums] = await readAll(y);
    if (!sums?.every((v) => Math.abs(v - count) < 1e-3)) throw new Error("gauge: the sums of the chains are wrong");
    chains.push({ chains: count, gflops: (2 * threads * turns * STEPS * count) / ms / 1e6 });
  }
  return chains;
}

/** Return buffer sizes that exceed the caches. */
function beyondCache(): number[] {
  const { software, limits } = currentGpu().adapter;
  const wanted = software ? [64 * MIB] : [256 * MIB, 512 * MIB];
  const most = Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize);
  const possible = wanted.filter((bytes) => bytes <= most);
  return possible.length > 0 ? possible : [Math.floor(most / 4096) * 4096];
}

/** Measure copy bandwidth (read + write) and multiply-add peak of the current device. Takes a few seconds on a software adapter. */
export async function measureGauge(options: GaugeOptions = {}): Promise<Gauge> {
  const { clock = "queue", sizes = beyondCache(), fmaMs = 40 } = options;
  for (const bytes of sizes) {
    if (!(Number.isInteger(bytes) && bytes >= 4096 && bytes % 4096 === 0)) {
      throw new RangeError(`gauge: sizes: expected multiples of 4096 bytes, got ${bytes}`);
    }
  }
  return summarize(await measureCopies(sizes, clock), await measureChains(fmaMs, clock));
}

function summarize(copies: Gauge["copies"], chains: Gauge["chains"]): Gauge {
  return {
    copyGBs: Math.max(...copies.map((c) => c.gbs)),
    fmaGFlops: Math.max(...chains.map((c) => c.gflops)),
    copies,
    chains,
  };
}

/** Return the better of two readings, entry by entry. One is made at each end of a run, so that a busy moment does not set the scale. */
export function betterGauge(a: Gauge, b: Gauge): Gauge {
  const copies = a.copies.map((c, i) => ({ ...c, gbs: Math.max(c.gbs, b.copies[i]?.gbs ?? 0) }));
  const chains = a.chains.map((c, i) => ({ ...c, gflops: Math.max(c.gflops, b.chains[i]?.gflops ?? 0) }));
  return summarize(copies, chains);
}

/** Run one dispatch of some tens of milliseconds, with which the two clocks are compared. */
export async function calibrationWork(): Promise<() => void> {
  const y = empty([2 ** 20]);
  const launch = (turns: number) => () =>
    fmaKernel.run({ bind: { y }, params: { turns, a: 0.5, b: 0.5, zero: 0 }, spec: {}, grid: grid1d(2 ** 20) });
  let turns = 16;
  for (;;) {
    const { ms } = await timeRuns(currentGpu(), launch(turns), 1, "queue");
    if (ms >= 20 || turns >= 2 ** 18) return launch(turns);
    turns *= 4;
  }
}
