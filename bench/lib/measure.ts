// Measures one kernel case: checks every variant, and times its first run and later ones.
import { currentGpu, type Gpu } from "../../src/gpu/index.ts";
import { readAll, Scope } from "../../src/tensor/index.ts";
import { deviation, maxAbs } from "../../test/support/close.ts";
import type { KernelCase, Prepared, Variant } from "./case.ts";
import { type Clock, timeRuns } from "./clock.ts";
import type { KernelResult, VariantResult } from "./results.ts";
import { median, pairedRatio, spread } from "./statistics.ts";

export interface MeasureOptions {
  /** Interleaved rounds. Fewer when the budget does not allow them, but at least 3. Default 7. */
  readonly rounds?: number;
  /** Seconds for the rounds of one case. Default 10. */
  readonly budget?: number;
  /** Least milliseconds of one variant's part of a round, reached by repeats. Default 30. */
  readonly roundMs?: number;
  /** Clock. Default "queue". */
  readonly clock?: Clock;
  /** Names of the variants to measure beside the first, the baseline. Default all. */
  readonly variants?: readonly string[];
  /** Signal that ends the measurement between two rounds. */
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_TOLERANCE = 1e-5;
const MOST_REPEATS = 5000;
const LEAST_ROUNDS = 3;

/** Error for a variant with wrong results. */
class CheckError extends Error {
  override readonly name = "CheckError";
}

/** Error for a measurement stopped by the signal. */
export class StoppedError extends Error {
  override readonly name = "StoppedError";
}

/**
 * Check and time every variant. Times are milliseconds per run.
 *
 * The compile time of a variant is its first run minus a warm one: pipelines are made and drivers compile on first use.
 * In each round, every variant is repeated for at least `roundMs`. Results are compared before and after the rounds.
 * Errors: CheckError for wrong results, RangeError for options out of range, and errors of the device.
 */
export async function measureKernel(bench: KernelCase, options: MeasureOptions = {}): Promise<KernelResult> {
  const { rounds = 7, budget = 10, roundMs = 30, clock = "queue", signal } = options;
  if (!(Number.isInteger(rounds) && rounds >= 1))
    throw new RangeError(`rounds: expected an integer >= 1, got ${rounds}`);
  if (!(budget > 0)) throw new RangeError(`budget: expected seconds > 0, got ${budget}`);
  if (!(roundMs > 0)) throw new RangeError(`roundMs: expected milliseconds > 0, got ${roundMs}`);
  const gpu = currentGpu();
  using _scope = new Scope();
  const prepared = await bench.prepare();
  const variants = choose(bench, prepared, options.variants);
  await gpu.wait();

  const sides: Side[] = [];
  for (const variant of variants) sides.push(await Side.start(gpu, variant, clock));
  const off = await checkAll(bench, prepared, variants);
  const turn = sides.reduce((sum, side) => sum + side.plan(roundMs), 0);
  const affordable = Math.floor((1000 * budget) / turn);
  const count = Math.max(Math.min(LEAST_ROUNDS, rounds), Math.min(rounds, affordable));
  for (let round = 0; round < count; round++) {
    for (const side of sides) {
      if (signal?.aborted) throw new StoppedError(`stopped in round ${round + 1} of ${count}`);
      await side.round();
    }
  }
  await checkAll(bench, prepared, variants);
  const base = sides[0]!.times;
  return {
    kind: "kernel",
    group: bench.group,
    name: bench.name,
    flops: bench.work.flops ?? 0,
    bytes: bench.work.bytes,
    variants: sides.map((side, i) => side.result(base, off[i]!)),
  };
}

function choose(bench: KernelCase, prepared: Prepared, wanted: readonly string[] | undefined): readonly Variant[] {
  const [first, ...others] = prepared.variants;
  if (!first) throw new CheckError(`${bench.group} ${bench.name}: has no variants`);
  return wanted ? [first, ...others.filter((v) => wanted.includes(v.name))] : prepared.variants;
}

/** Compute the largest deviation of each variant as a share of the largest value. Throws CheckError if one is too large. */
async function checkAll(bench: KernelCase, prepared: Prepared, variants: readonly Variant[]): Promise<number[]> {
  const { tolerance = DEFAULT_TOLERANCE } = prepared;
  const title = `${bench.group} ${bench.name}`;
  let expected = prepared.expected;
  const worst: number[] = [];
  for (const variant of variants) {
    const tensors = variant.results();
    const given = await readAll(...tensors);
    expected ??= given;
    if (given.length === 0 || given.length !== expected.length) {
      throw new CheckError(
        `${title}: ${variant.name}: expected ${expected.length || "some"} results, got ${given.length}`,
      );
    }
    let largest = 0;
    given.forEach((got, i) => {
      const want = expected![i]!;
      const scale = maxAbs(want);
      const distance = deviation(got, want);
      const off = distance === 0 ? 0 : distance / scale;
      if (!(off <= tolerance)) {
        const result = given.length > 1 ? ` result ${i}` : "";
        throw new CheckError(
          `${title}: ${variant.name}${result} is off by ${off.toPrecision(3)} of the largest value, tolerance ${tolerance}`,
        );
      }
      largest = Math.max(largest, off);
    });
    worst.push(largest);
  }
  return worst;
}

/** State of one variant while it is measured. */
class Side {
  private readonly gpu: Gpu;
  private readonly variant: Variant;
  private readonly compileMs: number;
  private readonly warmMs: number;
  private clock: Clock;
  private repeats = 1;
  /** Milliseconds below which a round is mostly overhead. */
  private shortest = 0;
  readonly times: number[] = [];

  private constructor(gpu: Gpu, variant: Variant, clock: Clock, firstMs: number, warmMs: number) {
    this.gpu = gpu;
    this.variant = variant;
    this.clock = clock;
    this.compileMs = Math.max(0, firstMs - warmMs);
    this.warmMs = warmMs;
  }

  /** Time the first and the second run. */
  static async start(gpu: Gpu, variant: Variant, clock: Clock): Promise<Side> {
    const run = () => variant.run();
    const first = await timeRuns(gpu, run, 1, "queue");
    const warm = await timeRuns(gpu, run, 1, "queue");
    return new Side(gpu, variant, clock, first.ms, warm.ms);
  }

  /** Set the repeats of a round. Returns its expected milliseconds. */
  plan(roundMs: number): number {
    this.shortest = roundMs / 2;
    this.repeats = Math.min(MOST_REPEATS, Math.max(1, Math.ceil(roundMs / Math.max(this.warmMs, 1e-3))));
    return Math.max(roundMs, this.repeats * this.warmMs);
  }

  async round(): Promise<void> {
    const run = () => this.variant.run();
    // A single warm run includes the wait for the queue, so a short kernel may turn out to need more repeats in its first rounds.
    for (;;) {
      const { ms, clock } = await timeRuns(this.gpu, run, this.repeats, this.clock);
      this.clock = clock;
      const isFirst = this.times.length === 0;
      if (!isFirst || ms >= this.shortest || this.repeats >= MOST_REPEATS) {
        this.times.push(ms / this.repeats);
        return;
      }
      const needed = Math.ceil((1.5 * this.repeats * this.shortest) / Math.max(ms, 1e-3));
      this.repeats = Math.min(MOST_REPEATS, Math.max(2 * this.repeats, needed));
    }
  }

  result(base: readonly number[], off: number): VariantResult {
    return {
      name: this.variant.name,
      ms: median(this.times),
      spread: spread(this.times),
      rounds: this.times,
      repeats: this.repeats,
      clock: this.clock,
      ratio: pairedRatio(base, this.times),
      compileMs: this.compileMs,
      deviation: off,
    };
  }
}
