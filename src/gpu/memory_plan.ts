// The memory plan of a recorded step: when each value lives, the least memory that any plan needs, and where each value
// lies. Values take turns in buffers, and several may lie in one at once, in different bytes: but not what one command reads
// and what it writes, since WebGPU refuses a dispatch that reads one part of a buffer and writes another.
import type { PooledBuffer } from "./buffer_pool.ts";
import type { Command } from "./stream.ts";

/** A value and the commands from its first to its last use, both included. */
export interface Lifetime<V = PooledBuffer> {
  readonly value: V;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
  /** Values that may not lie in one buffer while this one lives; they name this one in turn. */
  readonly apart: ReadonlySet<V>;
}

/** A value's place in a block. */
export interface Tenant<V = PooledBuffer> extends Lifetime<V> {
  /** Bytes before it in the block. */
  readonly offset: number;
}

/** Values in one buffer, and its size. */
export interface Block<V = PooledBuffer> {
  readonly bytes: number;
  readonly tenants: Tenant<V>[];
}

function accesses(command: Command): { reads: readonly PooledBuffer[]; writes: readonly PooledBuffer[] } {
  if (command.kind === "dispatch") return command;
  return { reads: command.kind === "copy" ? [command.source] : [], writes: [command.target] };
}

/** Buffers that a command reads or writes. */
export function buffersOf(command: Command): readonly PooledBuffer[] {
  const { reads, writes } = accesses(command);
  return [...reads, ...writes];
}

/**
 * When the values of a recording live. One that is still referenced (an output) lives to the last command, and lies
 * apart from others of its kind: whoever holds two may bind them together. One that no command uses and nobody holds
 * is left out.
 */
export function lifetimes(values: readonly PooledBuffer[], commands: readonly Command[]): Lifetime[] {
  const end = Math.max(0, commands.length - 1);
  const held = values.filter((value) => value.refs > 0);
  const lives = new Map<PooledBuffer, { first: number; last: number; apart: Set<PooledBuffer> }>();
  const own = new Set(values);
  commands.forEach((command, t) => {
    const used = buffersOf(command).filter((buffer) => own.has(buffer));
    for (const value of used) {
      const life = lives.get(value);
      if (life) life.last = t;
      else lives.set(value, { first: t, last: t, apart: new Set() });
    }
    for (const written of accesses(command).writes) {
      for (const other of used) {
        lives.get(written)?.apart.add(other);
        lives.get(other)?.apart.add(written);
      }
    }
  });
  for (const value of held) {
    const { first = 0, apart = [] } = lives.get(value) ?? {};
    lives.set(value, { first, last: end, apart: new Set([...apart, ...held]) });
  }
  return values.flatMap((value) => {
    const life = lives.get(value);
    return life ? [{ value, bytes: value.bytes, ...life }] : [];
  });
}

/** Largest sum of the bytes alive at one command: no plan gets below it without another order of the commands. */
export function livenessBound(lives: readonly Pick<Lifetime<unknown>, "bytes" | "first" | "last">[]): number {
  const change = new Map<number, number>();
  const add = (t: number, bytes: number) => change.set(t, (change.get(t) ?? 0) + bytes);
  for (const { bytes, first, last } of lives) {
    add(first, bytes);
    add(last + 1, -bytes);
  }
  let sum = 0;
  let most = 0;
  for (const [, bytes] of [...change].sort(([a], [b]) => a - b)) {
    sum += bytes;
    most = Math.max(most, sum);
  }
  return most;
}

const overlap = (a: Lifetime<unknown>, b: Lifetime<unknown>) => a.first <= b.last && b.first <= a.last;

/** First byte of the lowest stretch of a block that is free for all of a life; -1 without one. */
function findRoom<V>(block: Block<V>, life: Lifetime<V>): number {
  if (block.bytes < life.bytes) return -1;
  const beside = block.tenants.filter((tenant) => overlap(tenant, life));
  if (beside.some(({ value }) => life.apart.has(value))) return -1;
  beside.sort((a, b) => a.offset - b.offset);
  let offset = 0;
  for (const tenant of beside) {
    if (tenant.offset - offset >= life.bytes) return offset;
    offset = Math.max(offset, tenant.offset + tenant.bytes);
  }
  return block.bytes - offset >= life.bytes ? offset : -1;
}

/** Places values in the order given, each in the smallest block that has room for it, or in a new one. */
function pack<V>(lives: readonly Lifetime<V>[]): Block<V>[] {
  const blocks: Block<V>[] = [];
  for (const life of lives) {
    let best: { block: Block<V>; offset: number } | null = null;
    for (const block of blocks) {
      if (best && block.bytes >= best.block.bytes) continue;
      const offset = findRoom(block, life);
      if (offset >= 0) best = { block, offset };
    }
    if (best) best.block.tenants.push({ ...life, offset: best.offset });
    else blocks.push({ bytes: life.bytes, tenants: [{ ...life, offset: 0 }] });
  }
  return blocks;
}

const bytesOf = (blocks: readonly Block<unknown>[]) => blocks.reduce((sum, b) => sum + b.bytes, 0);

/** Numbers in (0, 1), the same in every run: Lehmer's generator. */
function repeatable(): () => number {
  let state = 1;
  return () => {
    state = (state * 48271) % 0x7fffffff;
    return state / 0x7fffffff;
  };
}

// Orders to try, and pairs of values to compare in all: at most some tens of milliseconds, spent once a recording.
const MOST_TRIES = 64;
const MOST_PAIRS = 4_000_000;
/** A plan this near to the bound is as good as it: what is left is the rounding of small values. */
const NEAR = 1.001;

/**
 * Places values so that no two lie in the same bytes at the same command. The largest is placed first; while that
 * needs more than the bound, orders near it are tried, and the plan that needs least is taken.
 * Source: Pisarchyk & Lee 2020, "greedy by size"; the search is ours.
 */
export function packBlocks<V>(lives: readonly Lifetime<V>[]): Block<V>[] {
  const bound = livenessBound(lives);
  const random = repeatable();
  const order = (disturb: number) =>
    lives
      .map((life) => ({ life, rank: life.bytes * Math.exp(disturb * (random() - 0.5)) }))
      .sort((a, b) => b.rank - a.rank || a.life.first - b.life.first)
      .map(({ life }) => life);
  let best = pack(order(0));
  const tries = Math.min(MOST_TRIES, MOST_PAIRS / lives.length ** 2);
  for (let i = 0; i < tries && bytesOf(best) > NEAR * bound; i++) {
    const blocks = pack(order(1.5));
    if (bytesOf(blocks) < bytesOf(best)) best = blocks;
  }
  return best;
}
