// Speed of networks for inference: several ways to compute the same logits, timed in interleaved rounds.
import { noGrad } from "../autograd/index.ts";
import { currentGpu } from "../gpu/index.ts";
import type { Module } from "../nn/index.ts";
import { captureStep, empty, numel, rehearse, type Shape, type Tensor } from "../tensor/index.ts";
import { ArgumentError, expectKeys, type KeysOf } from "../text/index.ts";
import { quantile } from "./quantile.ts";

/** Passes over batches of one size. */
export interface SpeedRun {
  /** Compute the batch `times` times, and wait for the last pass. */
  run(times: number): Promise<void>;
  /** Compute the batch once, and read the logits. */
  logits(): Promise<Float32Array>;
  close(): Promise<void> | void;
}

/** A way to compute the logits of a batch. */
export interface SpeedWay {
  readonly name: string;
  /** Prepare passes over a batch, `size` samples after each other. */
  open(x: Float32Array, size: number): Promise<SpeedRun>;
}

/** Median and quartiles of the rounds. */
export interface SpeedSpread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Speed of one way with batches of one size. */
export interface SpeedResult {
  readonly name: string;
  readonly batch: number;
  /** One pass, from the samples on the host to the logits on the host. */
  readonly milliseconds: SpeedSpread;
  /** Passes one after another, without reading the logits. */
  readonly imagesPerSecond: SpeedSpread;
  /** Times as fast as the first way: median over the rounds of the images per second in the same round. */
  readonly speedup: number;
  /** Largest difference of the logits from those of the first way, as a share of its largest logit. */
  readonly difference: number;
}

/** Options of `measureSpeed`. */
export interface SpeedOptions {
  /** Shape of one sample. */
  readonly sample: Shape;
  /** Samples in a batch. */
  readonly batch: number;
  /** Rounds, in each of which every way is timed once. */
  readonly rounds: number;
  /** Least time of a way in a round, in ms. Default 50. */
  readonly roundMs?: number;
  /** Called after each round. */
  readonly onRound?: (done: number) => void;
  readonly signal?: AbortSignal;
}

const KEYS: KeysOf<SpeedOptions> = {
  ...{ sample: true, batch: true, rounds: true, roundMs: true },
  ...{ onRound: true, signal: true },
};

const WARM_UP = 2;
const MOST_PASSES = 1000;
const ROUND_MS = 50;

/** Make a way of a model in evaluation mode, by captured steps. The model stays the caller's. */
export function modelWay(name: string, model: Module, sample: Shape): SpeedWay {
  const forward = (x: Tensor) => noGrad(() => model.forward(x) as Tensor);
  return {
    name,
    async open(data, size) {
      const shape = [size, ...sample];
      model.eval();
      const { tuner } = currentGpu();
      rehearse(() => {
        forward(empty(shape));
      });
      await tuner.tune();
      const step = captureStep(({ x }: Record<"x", Tensor>) => ({ y: forward(x) }));
      const pass = () => step.run({ x: { data, shape } }).y;
      return {
        async run(times) {
          for (let i = 0; i < times; i++) pass();
          await currentGpu().wait();
        },
        logits: async () => (await pass().data()) as Float32Array,
        close: () => step.dispose(),
      };
    },
  };
}

/** Return random samples, normal and repeatable: a linear congruential generator and the sum of twelve. */
export function speedSamples(n: number): Float32Array {
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Float32Array.from({ length: n }, () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += uniform();
    return sum;
  });
}

/** Return the median and the quartiles of at least one value. */
export const spreadOf = (values: readonly number[]): SpeedSpread => ({
  median: quantile(values, 0.5),
  low: quantile(values, 0.25),
  high: quantile(values, 0.75),
});

/** A way with its passes, and the times of its rounds. */
interface Timed {
  readonly name: string;
  readonly run: SpeedRun;
  readonly passes: number;
  readonly logits: Float32Array;
  readonly single: number[];
  readonly each: number[];
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

/** Warm a way up, and choose its passes in a round. */
async function warmUp(name: string, run: SpeedRun, roundMs: number): Promise<Timed> {
  for (let i = 0; i < WARM_UP; i++) await run.run(1);
  const logits = Float32Array.from(await run.logits());
  const once = await seconds(() => run.run(1));
  const passes = Math.min(MOST_PASSES, Math.max(1, Math.ceil(roundMs / 1000 / Math.max(once, 1e-6))));
  await run.run(passes);
  return { name, run, passes, logits, single: [], each: [] };
}

/** Compute the largest difference from `base`, as a share of its largest number. */
export function largestDifference(base: Float32Array, other: Float32Array): number {
  if (base.length !== other.length) return Number.NaN;
  const largest = base.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-30);
  return base.reduce((a, b, i) => Math.max(a, Math.abs(b - other[i]!)), 0) / largest;
}

function resultOf({ name, single, each, logits }: Timed, first: Timed, batch: number): SpeedResult {
  return {
    name,
    batch,
    milliseconds: spreadOf(single.map((s) => 1000 * s)),
    imagesPerSecond: spreadOf(each.map((s) => batch / s)),
    speedup: quantile(
      each.map((s, i) => first.each[i]! / s),
      0.5,
    ),
    difference: largestDifference(first.logits, logits),
  };
}

/** Throw an ArgumentError for a value that is no integer >= 1. */
function expectCount(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1)
    throw new ArgumentError(`measureSpeed: ${name}: expected an integer >= 1, got ${value}`);
}

/**
 * Time ways to compute the same logits on random samples. Every way is warmed up, then timed in each round; the order of the ways
 * changes from round to round, so that a slow phase of the machine hits all of them.
 *
 * Errors    ArgumentError for a wrong option or no way; errors of the ways. An abort of the signal is its reason.
 */
export async function measureSpeed(ways: readonly SpeedWay[], options: SpeedOptions): Promise<SpeedResult[]> {
  expectKeys(options, KEYS, (problem) => new ArgumentError(`measureSpeed: ${problem}`));
  const { sample, batch, rounds, roundMs = ROUND_MS, onRound, signal } = options;
  if (ways.length === 0) throw new ArgumentError("measureSpeed: expected one way or more, got none");
  expectCount("batch", batch);
  expectCount("rounds", rounds);
  if (!(roundMs >= 0)) throw new ArgumentError(`measureSpeed: roundMs: expected a number >= 0, got ${roundMs}`);
  const x = speedSamples(batch * numel(sample));
  const opened: SpeedRun[] = [];
  try {
    const timed: Timed[] = [];
    for (const way of ways) {
      signal?.throwIfAborted();
      const run = await way.open(x, batch);
      opened.push(run);
      timed.push(await warmUp(way.name, run, roundMs));
    }
    for (let round = 0; round < rounds; round++) {
      for (const way of round % 2 === 0 ? timed : [...timed].reverse()) {
        signal?.throwIfAborted();
        way.single.push(await seconds(() => way.run.logits()));
        way.each.push((await seconds(() => way.run.run(way.passes))) / way.passes);
      }
      onRound?.(round + 1);
    }
    return timed.map((way) => resultOf(way, timed[0]!, batch));
  } finally {
    for (const run of opened) await run.close();
  }
}
