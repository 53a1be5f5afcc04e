// Fuzzing of parsers: real files, damaged in ways that files get damaged or are made hostile. What comes of each has to be a
// result or an error of the parser's own, soon, and in little memory.

import { visibleJson } from "../../src/text/index.ts";

/** One way of reading bytes of others. */
export interface FuzzTarget {
  readonly name: string;
  /** Sound files. */
  readonly seeds: readonly Uint8Array[];
  /** Reads all that there is to read. */
  parse(bytes: Uint8Array): unknown;
  /** Names of the error classes that are the parser's own. */
  readonly errors: readonly string[];
  /** Its messages may have several lines. */
  readonly lines?: boolean;
}

type Finding = "foreign error" | "message" | "slow" | "memory";

interface FuzzFinding {
  readonly kind: Finding;
  /** Number of the input: the same seed and number give the same bytes. */
  readonly input: number;
  readonly words: string;
}

export interface FuzzReport {
  readonly count: number;
  readonly read: number;
  readonly refused: number;
  readonly slowestMs: number;
  /** The most by which one input raised the peak of the process's memory above what it had before. */
  readonly mostBytes: number;
  readonly findings: readonly FuzzFinding[];
}

/** A small generator of whole numbers, repeatable on every machine. */
class Dice {
  private state: number;
  constructor(seed: number) {
    this.state = seed >>> 0;
  }
  /** Return an integer below `high`. */
  below(high: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * high);
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

type Mutation = (bytes: Uint8Array, dice: Dice, seeds: readonly Uint8Array[]) => Uint8Array;

const joined = (...parts: readonly Uint8Array[]): Uint8Array => {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
};
const noise = (length: number, dice: Dice) => Uint8Array.from({ length }, () => dice.below(256));
const edited = (bytes: Uint8Array, edit: (copy: Uint8Array) => void): Uint8Array => {
  const copy = new Uint8Array(bytes);
  if (copy.length > 0) edit(copy);
  return copy;
};

/** Numbers that lengths, counts and offsets are set to. */
const EXTREMES = [0, 1, 127, 128, 255, 32767, 65535, 2 ** 24, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
/** Text numbers, and words, that a parser of text may stumble over. */
const WORDS = [
  "-1",
  "0",
  "1e9",
  "1e309",
  "9007199254740993",
  "99999999999999999999",
  "null",
  "NaN",
  "{}",
  "[]",
  '"',
  "\u001b[2J",
];

const setNumber: Mutation = (bytes, dice) =>
  edited(bytes, (copy) => {
    const width = Math.min(dice.pick([1, 2, 4, 8]), copy.length);
    const at = dice.below(copy.length - width + 1);
    const value = dice.pick(EXTREMES);
    const little = dice.below(2) === 0;
    for (let i = 0; i < width; i++) copy[at + (little ? i : width - 1 - i)] = Math.floor(value / 256 ** i) % 256;
  });

const replaceNumberInText: Mutation = (bytes, dice) => {
  const digit = (i: number) => bytes[i]! >= 48 && bytes[i]! <= 57;
  const starts: number[] = [];
  for (let i = 0; i < bytes.length && starts.length < 1000; i++)
    if (digit(i) && !(i > 0 && digit(i - 1))) starts.push(i);
  const begin = starts.length > 0 ? dice.pick(starts) : dice.below(bytes.length + 1);
  let end = begin;
  while (end < bytes.length && digit(end)) end++;
  return joined(bytes.subarray(0, begin), new TextEncoder().encode(dice.pick(WORDS)), bytes.subarray(end));
};

const MUTATIONS: readonly Mutation[] = [
  (bytes, dice) => edited(bytes, (copy) => (copy[dice.below(copy.length)]! ^= 1 << dice.below(8))),
  (bytes, dice) => edited(bytes, (copy) => (copy[dice.below(copy.length)] = dice.pick([0, 1, 0x7f, 0x80, 0xff]))),
  (bytes, dice) => edited(bytes, (copy) => (copy[dice.below(copy.length)] = dice.below(256))),
  setNumber,
  setNumber,
  replaceNumberInText,
  (bytes, dice) => bytes.slice(0, dice.below(bytes.length + 1)),
  (bytes, dice) => joined(bytes, dice.below(2) === 0 ? noise(dice.below(64), dice) : new Uint8Array(dice.below(2048))),
  // A part left out, doubled, moved, or taken from another file.
  (bytes, dice) => {
    const at = dice.below(bytes.length + 1);
    return joined(bytes.subarray(0, at), bytes.subarray(at + dice.below(64)));
  },
  (bytes, dice) => {
    const [a, b] = [dice.below(bytes.length + 1), dice.below(bytes.length + 1)].sort((x, y) => x - y) as [
      number,
      number,
    ];
    return joined(bytes.subarray(0, b), bytes.subarray(a, Math.min(b, a + 4096)), bytes.subarray(b));
  },
  (bytes, dice, seeds) => {
    const other = dice.pick(seeds);
    return joined(bytes.subarray(0, dice.below(bytes.length + 1)), other.subarray(dice.below(other.length + 1)));
  },
  (bytes, dice) =>
    edited(bytes, (copy) =>
      copy.set(noise(Math.min(16, copy.length), dice), dice.below(Math.max(1, copy.length - 15))),
    ),
];

/** Input number i of a campaign: one of the seeds, changed in one to six ways; now and then bytes of no file at all. */
export function fuzzInput(seeds: readonly Uint8Array[], seed: number, i: number): Uint8Array {
  const dice = new Dice(seed * 1_000_003 + i * 7919);
  if (dice.below(50) === 0) return noise(dice.below(300), dice);
  let bytes = dice.pick(seeds);
  for (let left = 1 + dice.below(dice.pick([1, 3, 6])); left > 0; left--) {
    bytes = dice.pick(MUTATIONS)(bytes, dice, seeds);
  }
  return bytes;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: that messages have none is what is looked at
const UNFIT = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;

interface FuzzOptions {
  readonly count: number;
  readonly seed?: number;
  /** The first input. Default 0. */
  readonly first?: number;
  readonly mostMs?: number;
  readonly mostBytes?: number;
  /** Called before each input. */
  readonly before?: (input: number) => void;
}

const peak = () => process.resourceUsage().maxRSS * 1024;

/** Describe the fault of an error; null for one of the parser's that is one line. */
function faultOf(error: unknown, target: FuzzTarget): Pick<FuzzFinding, "kind" | "words"> | null {
  const { name, message, stack } = (error ?? {}) as Partial<Error>;
  if (!(error instanceof Error) || !target.errors.includes(name!)) {
    return { kind: "foreign error", words: `${name}: ${message ?? String(error)}\n${stack ?? ""}` };
  }
  const told = target.lines ? (message ?? "").replaceAll("\n", " ") : (message ?? "");
  return UNFIT.test(told) ? { kind: "message", words: visibleJson(JSON.stringify(message)) } : null;
}

/** Return the time of an input in ms, with or without an error. */
async function timeOf({ parse }: FuzzTarget, bytes: Uint8Array): Promise<number> {
  const begin = performance.now();
  try {
    await parse(bytes);
  } catch {
    // what it ends in was looked at before
  }
  return performance.now() - begin;
}

/** Reads `count` damaged files, and says what came of them. */
export async function fuzz(target: FuzzTarget, options: FuzzOptions): Promise<FuzzReport> {
  const { count, seed = 1, first = 0, mostMs = 2000, mostBytes = 500e6 } = options;
  const findings: FuzzFinding[] = [];
  let [read, refused, slowestMs, grown] = [0, 0, 0, 0];
  for (let input = first; input < first + count; input++) {
    const bytes = fuzzInput(target.seeds, seed, input);
    options.before?.(input);
    const [begin, rss, highest] = [performance.now(), process.memoryUsage.rss(), peak()];
    try {
      await target.parse(bytes);
      read++;
    } catch (error) {
      refused++;
      const fault = faultOf(error, target);
      if (fault) findings.push({ input, ...fault });
    }
    let ms = performance.now() - begin;
    // A machine that is busy with other things is slow once, an input every time.
    if (ms > mostMs) ms = Math.min(ms, await timeOf(target, bytes));
    slowestMs = Math.max(slowestMs, ms);
    if (ms > mostMs) findings.push({ kind: "slow", input, words: `${ms.toFixed(0)} ms` });
    const more = peak() > highest ? peak() - rss : 0;
    grown = Math.max(grown, more);
    if (more > mostBytes) findings.push({ kind: "memory", input, words: `${(more / 1e6).toFixed(0)} MB` });
  }
  return { count, read, refused, slowestMs, mostBytes: grown, findings };
}
