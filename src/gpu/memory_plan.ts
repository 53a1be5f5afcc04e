// The memory plan of a recorded step: the lifetime of each value, the least memory that any plan needs, and each value's
// offset. Values share buffers in time, and several may share one at once in different bytes: but not what one command reads
// and what it writes, since WebGPU refuses a dispatch that reads one part of a buffer and writes another.
import type { PooledBuffer } from "./pooled_buffer.ts";
import type { Command } from "./stream.ts";

/** A value and its first and last command, both included. */
export interface Lifetime<V = PooledBuffer> {
  readonly value: V;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
  /** Values that must not share a buffer with this one while it lives. The relation is symmetric. */
  readonly apart: ReadonlySet<V>;
}

/** Location of a value in a block. */
interface Tenant<V = PooledBuffer> extends Lifetime<V> {
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
 * Return the lifetimes of a recording's values. A value that is still referenced (an output) lives to the last command and
 * is kept apart from other such values, since a caller may bind two together. A value that no command uses and nothing
 * references is left out.
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

/** Return the largest sum of the bytes alive at one command. No plan needs less without another order of the commands. */
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

/** Return the first byte of the lowest free range of a block for a lifetime; -1 without one. */
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

/** Place values in the given order, each in the smallest block that has room for it, or in a new one. */
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

/** Return numbers in (0, 1), the same in every run: Lehmer's generator. */
function repeatable(): () => number {
  let state = 1;
  return () => {
    state = (state * 48271) % 0x7fffffff;
    return state / 0x7fffffff;
  };
}

// Limits of orders tried and of pairs of values compared: some tens of milliseconds per recording.
const MOST_TRIES = 64;
const MOST_PAIRS = 4_000_000;
/** A plan this close to the bound is optimal: the rest is the rounding of small values. */
const NEAR = 1.001;

/**
 * Place values so that no two share bytes at the same command. The largest is placed first. If that needs more than the
 * bound, similar orders are tried, and the smallest plan is taken.
 * Source: Pisarchyk & Lee 2020, "greedy by size"; the search is an addition.
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

/** An arena and its pool, as far as a plan needs them. */
interface Settled<A> {
  settle(arena: A, packed: Block[]): void;
}

/**
 * Assign an offset to every value of a finished recording, by the commands that use it: values share bytes when their uses do
 * not overlap. Returns the smallest size that any plan can have, in bytes.
 */
export function settleArena<A extends { readonly values: readonly PooledBuffer[] }>(
  pool: Settled<A>,
  arena: A,
  commands: readonly Command[],
): number {
  const lives = lifetimes(arena.values, commands);
  pool.settle(arena, packBlocks(lives));
  return livenessBound(lives);
}
