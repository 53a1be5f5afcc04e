import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { Arena, BufferPool, sizeClass } from "../../src/gpu/buffer_pool.ts";
import { type Command, currentGpu, settleArena } from "../../src/gpu/index.ts";
import type { PooledBuffer } from "../../src/gpu/pooled_buffer.ts";
import { allocate, fillZero } from "../../src/tensor/index.ts";

const pools: BufferPool[] = [];
function newPool(): BufferPool {
  const pool = new BufferPool(currentGpu().device, () => {});
  pools.push(pool);
  return pool;
}
afterEach(() => {
  for (const pool of pools.splice(0)) pool.trim();
});

/** A command that uses these buffers. */
const use = (source: PooledBuffer, target = source): Command => ({
  kind: "copy",
  source,
  sourceOffset: 0,
  target,
  targetOffset: 0,
  bytes: 4,
});

type Action =
  | { kind: "acquire"; bytes: number; persistent: boolean }
  | { kind: "release"; pick: number }
  | { kind: "use"; pick: number }
  | { kind: "enter" }
  | { kind: "leave"; planned: boolean }
  | { kind: "dissolve"; pick: number };

const pick = (kind: "release" | "use" | "dissolve") => fc.record({ kind: fc.constant(kind), pick: fc.nat() });
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("acquire" as const),
      bytes: fc.constantFrom(1, 200, 256, 257, 1000, 5000),
      persistent: fc.boolean(),
    }),
  },
  { weight: 5, arbitrary: pick("use") as fc.Arbitrary<Action> },
  { weight: 5, arbitrary: pick("release") as fc.Arbitrary<Action> },
  { weight: 1, arbitrary: fc.constant({ kind: "enter" as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("leave" as const), planned: fc.boolean() }) },
  { weight: 1, arbitrary: pick("dissolve") as fc.Arbitrary<Action> },
);

interface Recording {
  readonly arena: Arena;
  readonly commands: Command[];
  /** Outside buffers that the commands bind: a captured step holds its own references. */
  readonly held: Set<PooledBuffer>;
}

/** A pool, its buffers in use, and its recordings. */
class PoolModel {
  private readonly pool = newPool();
  private readonly live: PooledBuffer[] = [];
  private readonly recordings: Recording[] = [];
  private now: Recording | null = null;
  private readonly ownerOf = new Map<PooledBuffer, Arena>();

  act(a: Action): void {
    const { pool, live, now } = this;
    if (a.kind === "acquire") this.acquire(a.bytes, a.persistent);
    else if (a.kind === "use" && live.length > 0 && now) {
      const buffer = live[a.pick % live.length]!;
      // A value that never got memory in its own step, and then outlived it, must not be used.
      const owner = this.ownerOf.get(buffer);
      if (!owner || owner === now.arena || owner.outliving.has(buffer)) now.commands.push(use(buffer));
    } else if (a.kind === "release" && live.length > 0) {
      live.splice(a.pick % live.length, 1)[0]!.release();
    } else if (a.kind === "enter" && !now) {
      this.now = { arena: new Arena(), commands: [], held: new Set() };
      this.recordings.push(this.now);
      pool.enter(this.now.arena);
    } else if (a.kind === "leave") this.finish(a.planned);
    else if (a.kind === "dissolve") this.dissolve(a.pick);
  }

  private acquire(bytes: number, persistent: boolean): void {
    const buffer = this.pool.acquire(bytes, "test", persistent);
    expect(buffer.bytes).toBeGreaterThanOrEqual(bytes);
    expect(this.live).not.toContain(buffer);
    if (this.now && !persistent) this.ownerOf.set(buffer, this.now.arena);
    this.live.push(buffer);
  }

  private finish(planned: boolean): void {
    const { pool, now } = this;
    if (!now) return;
    pool.leave();
    if (planned) settleArena(pool, now.arena, now.commands);
    for (const command of now.commands) {
      if (command.kind !== "copy") continue;
      if (this.ownerOf.get(command.source) !== now.arena) now.held.add(command.source);
      void command.source.id; // as encoding does: an unplanned value gets its own memory
    }
    for (const b of now.held) b.retain();
    this.now = null;
  }

  private dissolve(pick: number): void {
    const recording = this.recordings[pick % this.recordings.length];
    if (!recording || recording === this.now) return;
    this.recordings.splice(this.recordings.indexOf(recording), 1);
    for (const b of recording.held) b.release();
    this.pool.dissolve(recording.arena);
  }

  check(): void {
    const { stats } = this.pool;
    expect(stats.peak).toBeGreaterThanOrEqual(stats.live);
    expect(stats.steps).toBeLessThanOrEqual(stats.live);
    if (this.now) return; // values of an open recording have no memory yet
    // A retained value has its own memory: not that of another one, and none that commands of a step overwrite.
    const placed = this.live.filter((b) => this.ownerOf.get(b)?.outliving.has(b) ?? true);
    expect(new Set(placed.map((b) => b.id)).size).toBe(placed.length);
    for (const { arena, commands } of this.recordings) {
      const written = commands.flatMap((c) => (c.kind === "copy" && this.ownerOf.has(c.source) ? [c.source.id] : []));
      for (const b of placed) if (this.ownerOf.get(b) !== arena) expect(written).not.toContain(b.id);
    }
  }

  end(): void {
    const { pool } = this;
    this.finish(true);
    for (const { arena, held } of this.recordings) {
      for (const b of held) b.release();
      pool.dissolve(arena);
    }
    for (const buffer of this.live) buffer.release();
    expect([pool.stats.live, pool.stats.steps]).toEqual([0, 0]);
    pool.trim();
    expect(pool.stats.pooled).toBe(0);
  }
}

test("never hands out memory in use, whatever happens, and the books balance", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
      const model = new PoolModel();
      for (const a of actions) {
        model.act(a);
        model.check();
      }
      model.end();
    }),
    { numRuns: 100 },
  );
});

test("a freed buffer serves the next request of its class, and no other", () => {
  const pool = newPool();
  const a = pool.acquire(1000, "a");
  a.release();
  expect(pool.stats).toEqual({ live: 0, steps: 0, pooled: 1024, peak: 1024, created: 1 });
  const other = pool.acquire(2000, "b");
  expect(other).not.toBe(a);
  expect(pool.acquire(900, "c")).toBe(a);
  expect(pool.stats).toEqual({ live: 1024 + 2048, steps: 0, pooled: 0, peak: 3072, created: 2 });
});

test("references are counted; one release too many is an error", () => {
  const pool = newPool();
  const buffer = pool.acquire(256, "a").retain();
  buffer.release();
  expect(pool.stats.live).toBe(256);
  buffer.release();
  expect(pool.stats.live).toBe(0);
  expect(() => buffer.release()).toThrow(/buffer \d+ was released more often than retained/);
  expect(pool.stats).toMatchObject({ live: 0, pooled: 256 });
});

test("values of a recording take turns in memory once it is known when they live", () => {
  const pool = newPool();
  const arena = new Arena();
  pool.enter(arena);
  const [a, b, c] = ["a", "b", "c"].map((name) => pool.acquire(256, name)) as [
    PooledBuffer,
    PooledBuffer,
    PooledBuffer,
  ];
  const stays = pool.acquire(256, "persistent", true);
  for (const value of [a, b, c]) value.release();
  pool.leave();
  expect(pool.stats).toMatchObject({ live: 256, steps: 0, created: 1 });
  settleArena(pool, arena, [use(a, b), use(b, c)]);
  expect(a.id).toBe(c.id);
  expect(new Set([a.id, b.id, stays.id]).size).toBe(3);
  expect(pool.stats).toMatchObject({ live: 768, steps: 512, created: 3 });
  expect(arena.bytes).toBe(512);
  pool.dissolve(arena);
  expect(pool.stats).toMatchObject({ live: 256, steps: 0, pooled: 512 });
});

test("recordings share the memory of values that do not outlive a run, and of no others", () => {
  const pool = newPool();
  const arenas = [0, 1].map(() => {
    const arena = new Arena();
    pool.enter(arena);
    const scratch = pool.acquire(1000, "scratch");
    const output = pool.acquire(1000, "output");
    scratch.release();
    pool.leave();
    settleArena(pool, arena, [use(scratch), use(scratch, output)]);
    return { arena, scratch, output };
  });
  const [first, second] = arenas as [(typeof arenas)[0], (typeof arenas)[0]];
  expect(first.scratch.id).toBe(second.scratch.id);
  expect(new Set([first.scratch.id, first.output.id, second.output.id]).size).toBe(3);
  expect(pool.stats.steps).toBe(3 * 1024);
  pool.dissolve(first.arena);
  // The output is still referenced, the shared block still in use.
  expect(pool.stats.steps).toBe(3 * 1024);
  first.output.release();
  expect(pool.stats.steps).toBe(2 * 1024);
  second.output.release();
  expect(pool.stats.steps).toBe(2 * 1024);
  pool.dissolve(second.arena);
  expect(pool.stats).toMatchObject({ live: 0, steps: 0 });
});

test("without a plan a value gets its own memory when it is bound; after a failed recording it gets none", () => {
  const pool = newPool();
  const arena = new Arena();
  pool.enter(arena);
  const [a, b, never] = [pool.acquire(256, "a"), pool.acquire(256, "b"), pool.acquire(256, "never bound")];
  a.release();
  pool.leave();
  expect(a.id).not.toBe(b.id);
  expect(pool.stats.live).toBe(512);
  pool.dissolve(arena);
  expect(pool.stats.live).toBe(256);
  b.release();
  expect(() => never.buffer).toThrow("the recording that made this tensor failed or was disposed");
});

test("what is freed during a recording stays with it: the recorded commands may bind it", () => {
  const pool = newPool();
  const outside = pool.acquire(256, "made before");
  const arena = new Arena();
  pool.enter(arena);
  outside.release();
  pool.leave();
  expect(pool.acquire(256, "later")).not.toBe(outside);
  pool.dissolve(arena);
  expect(pool.acquire(256, "after")).toBe(outside);
});

test("values of one buffer have different bytes, and values read and written by one command have different buffers", () => {
  const pool = newPool();
  const arena = new Arena();
  pool.enter(arena);
  const large = pool.acquire(1024, "large");
  const [a, b, c] = ["a", "b", "c"].map((name) => pool.acquire(12, name)) as [PooledBuffer, PooledBuffer, PooledBuffer];
  expect(a.bytes).toBe(256); // a kernel may bind whole vec4
  for (const value of [large, a, b, c]) value.release();
  pool.leave();
  expect(settleArena(pool, arena, [use(large), use(a), use(b), use(a, c), use(b)])).toBe(1024);
  expect([a, b].map(({ id, start }) => [id === large.id, start])).toEqual([
    [true, 0],
    [true, 256],
  ]);
  expect(c.id).not.toBe(a.id);
  expect(arena.bytes).toBe(1280);
  pool.dissolve(arena);
});

test("recordings do not nest", () => {
  const pool = newPool();
  const arena = new Arena();
  pool.enter(arena);
  expect(() => pool.enter(new Arena())).toThrow("a step is being recorded already");
  pool.dissolve(arena);
  pool.enter(new Arena());
  pool.leave();
});

test("a tensor beyond one binding is refused with its shape and the limit", () => {
  const { maxBufferSize, maxStorageBufferBindingSize } = currentGpu().device.limits;
  const limit = Math.min(maxBufferSize, maxStorageBufferBindingSize);
  const n = Math.floor(limit / 4) + 1;
  const before = currentGpu().memory();
  expect(() => allocate([n, 1], "f32")).toThrow(
    `tensor [${n},1] f32 needs ${4 * n} bytes; this adapter binds at most ${limit} bytes at once`,
  );
  expect(currentGpu().memory()).toEqual(before);
});

test("classes are cut at the limit, so the largest tensor fits", () => {
  const limit = 100_000;
  const real = currentGpu().device;
  const narrow = {
    limits: { maxBufferSize: limit, maxStorageBufferBindingSize: limit },
    createBuffer: (d: GPUBufferDescriptor) => real.createBuffer(d),
  } as unknown as GPUDevice;
  const pool = new BufferPool(narrow, () => {});
  pools.push(pool);
  expect(sizeClass(limit)).toBeGreaterThan(limit);
  expect(pool.acquire(limit, "largest").bytes).toBe(limit);
  expect(() => pool.acquire(limit + 1, "larger")).toThrow(/larger needs 100001 bytes/);
});

test("what is bound in parts may be as large as a buffer, and comes back to the pool", () => {
  const real = currentGpu().device;
  const narrow = {
    limits: { maxBufferSize: 300_000, maxStorageBufferBindingSize: 100_000 },
    createBuffer: (d: GPUBufferDescriptor) => real.createBuffer(d),
  } as unknown as GPUDevice;
  const pool = new BufferPool(narrow, () => {});
  pools.push(pool);
  expect(() => pool.acquire(200_000, "wide", true)).toThrow(
    "wide needs 200000 bytes; this adapter binds at most 100000",
  );
  const wide = pool.acquire(200_000, "wide", true, true);
  expect(wide.bytes).toBe(200_000);
  wide.release();
  expect(pool.acquire(200_000, "another", true, true)).toBe(wide);
  // While a step is recorded too: a gradient that is added to one that arrived before.
  const arena = new Arena();
  pool.enter(arena);
  const value = pool.acquire(200_000, "value", false, true);
  pool.leave();
  expect(value.bytes).toBe(200_000);
  settleArena(pool, arena, [use(value)]);
  expect(value.buffer.size).toBe(200_000);
  pool.dissolve(arena);
  value.release();
  expect(() => pool.acquire(300_004, "wider", true, true)).toThrow("this adapter holds at most 300000 bytes at once");
});

test("trim may follow work that is still pending", async () => {
  const gpu = currentGpu();
  const t = allocate([1000], "f32");
  fillZero(t);
  t.dispose();
  gpu.pool.trim();
  expect(gpu.memory().pooled).toBe(0);
  await gpu.wait();
});
