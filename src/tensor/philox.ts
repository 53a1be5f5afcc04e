// Random numbers as a function of (seed, stream, position): Philox4x32-10, the CPU twin of shaders/lib/philox.wgsl.
import { ArgumentError } from "../text/index.ts";

/** Named streams: the second key word, so that draws for one purpose never shift those for another. */
export const streams: Readonly<Record<RandomStreamName, number>> = {
  init: 1,
  shuffle: 2,
  augment: 3,
  dropout: 4,
  poisson: 5,
  events: 6,
  mask: 7,
};
/** Purpose of a random stream: equal seeds draw other numbers for other purposes. */
export type RandomStreamName = "init" | "shuffle" | "augment" | "dropout" | "poisson" | "events" | "mask";

type PhiloxCounter = readonly [number, number, number, number];
type PhiloxKey = readonly [number, number];

const ROUNDS = 10;
/** Multipliers and key increments (golden ratio, sqrt(3) - 1) of Philox4x32. */
const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/** Return the high 32 bits of a · b, by 16-bit halves: every partial sum stays below 2^33, exact in a double. */
function mulHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const low = a1 * b0 + ((a0 * b0) >>> 16);
  const mid = a0 * b1 + (low & 0xffff);
  return (a1 * b1 + Math.floor(low / 65536) + Math.floor(mid / 65536)) >>> 0;
}

/** Write one block of four u32 into `out`. The arguments are u32. */
function block(out: Uint32Array, c0: number, c1: number, c2: number, c3: number, k0: number, k1: number): void {
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = mulHigh(M0, c0);
    const low0 = Math.imul(M0, c0);
    const high1 = mulHigh(M1, c2);
    const low1 = Math.imul(M1, c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

function expectU32(what: string, value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff)
    throw new ArgumentError(`philox: ${what}: expected an integer in 0..4294967295, got ${value}`);
  return value;
}

/**
 * Compute Philox4x32-10: four random u32 from a counter and a key, without any state.
 *
 * Errors    ArgumentError if a word is not a u32.
 * Source    Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */
export function philox4x32(counter: PhiloxCounter, key: PhiloxKey): [number, number, number, number] {
  for (const word of counter) expectU32("counter word", word);
  for (const word of key) expectU32("key word", word);
  const out = new Uint32Array(4);
  block(out, counter[0], counter[1], counter[2], counter[3], key[0], key[1]);
  return [out[0]!, out[1]!, out[2]!, out[3]!];
}

/** Convert a u32 to a number in [0, 1): its upper 24 bits, so the result is exact in f32 and equal to the shader's. */
export function uniform01(u: number): number {
  return (u >>> 8) * 2 ** -24;
}

/**
 * A sequence of random numbers: key (seed, stream), counter (block, at[0], at[1], at[2]).
 *
 * `at` identifies the use: the epoch and the image, or the parameter. Two uses never share a number, so each may be
 * drawn in any order or on any device. `position` counts the u32 taken so far; setting it resumes there.
 * Throws ArgumentError for an unknown purpose or a seed that is not a u32.
 */
export class PhiloxStream {
  /** Seed, a u32. */
  readonly seed: number;
  /** Purpose of the draws. */
  readonly stream: RandomStreamName;
  /** u32 numbers taken so far. */
  private taken = 0;
  /** Index of the block in `words`; -1 for none yet. */
  private held = -1;
  private at: readonly [number, number, number];
  private readonly words = new Uint32Array(4);

  constructor(seed: number, stream: RandomStreamName, at: readonly [number, number, number] = [0, 0, 0]) {
    if (!Object.hasOwn(streams, stream))
      throw new ArgumentError(`philox: stream: expected one of ${Object.keys(streams).join(", ")}, got ${stream}`);
    this.seed = expectU32("seed", seed);
    this.stream = stream;
    this.at = at;
    this.moveTo(at);
  }

  /** Index of the next u32 number. */
  get position(): number {
    return this.taken;
  }

  set position(count: number) {
    if (!Number.isInteger(count) || count < 0 || count > 2 ** 34)
      throw new ArgumentError(`philox: position: expected an integer in 0..2^34, got ${count}`);
    this.taken = count;
  }

  /** Move to the start of another use, as a new stream there would begin. */
  moveTo(at: readonly [number, number, number]): this {
    for (const word of at) expectU32("counter word", word);
    this.at = [at[0], at[1], at[2]];
    this.taken = 0;
    this.held = -1;
    return this;
  }

  /** Return the next u32. */
  nextU32(): number {
    const index = Math.floor(this.taken / 4);
    if (index !== this.held) {
      if (index > 0xffffffff) throw new ArgumentError("philox: a stream ends after 2^34 numbers");
      const at = this.at;
      block(this.words, index, at[0], at[1], at[2], this.seed, streams[this.stream]);
      this.held = index;
    }
    return this.words[this.taken++ & 3]!;
  }

  /** Return the next number in [0, 1), a multiple of 2^-24. */
  nextFloat(): number {
    return uniform01(this.nextU32());
  }

  /** Return the next integer in 0..n-1, each equally likely (draws past the last multiple of n are discarded). */
  nextBelow(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32)
      throw new ArgumentError(`philox: nextBelow: expected an integer in 1..2^32, got ${n}`);
    const limit = 2 ** 32 - (2 ** 32 % n);
    for (;;) {
      const u = this.nextU32();
      if (u < limit) return u % n;
    }
  }

  /** Return the next standard normal number, by Box-Muller in f64. Takes two u32. |result| < 6.7. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log((this.nextU32() + 1) * 2 ** -32));
    return radius * Math.cos(2 * Math.PI * this.nextU32() * 2 ** -32);
  }
}
