import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { Arena, BufferPool, type PooledBuffer, sizeClass } from "../../src/gpu/buffer_pool.ts";
import { currentGpu } from "../../src/gpu/index.ts";
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

type Action =
  | { kind: "acquire"; bytes: number; persistent: boolean }
  | { kind: "release"; pick: number }
  | { kind: "enter" }
  | { kind: "leave" }
  | { kind: "dissolve"; pick: number };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("acquire" as const),
      bytes: fc.constantFrom(1, 200, 256, 257, 1000, 5000),
      persistent: fc.boolean(),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("release" as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.constant({ kind: "enter" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "leave" as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("dissolve" as const), pick: fc.nat() }) },
);

test("whatever happens, a live buffer is never handed out again and the books balance", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const pool = newPool();
      const live: PooledBuffer[] = [];
      const arenas: Arena[] = [];
      let recording: Arena | null = null;
      // Buffers freed or made while an arena recorded are bound by its commands until it is dissolved.
      const bound = new Map<PooledBuffer, Arena>();
      let peak = 0;
      for (const a of actions) {
        if (a.kind === "acquire") {
          const buffer = pool.acquire(a.bytes, "test", a.persistent);
          expect(buffer.bytes).toBeGreaterThanOrEqual(a.bytes);
          expect(live).not.toContain(buffer);
          const owner = bound.get(buffer);
          if (owner) expect(owner).toBe(recording);
          if (recording && !a.persistent && !bound.has(buffer)) bound.set(buffer, recording);
          live.push(buffer);
        } else if (a.kind === "release" && live.length > 0) {
          const [buffer] = live.splice(a.pick % live.length, 1) as [PooledBuffer];
          if (recording && !bound.has(buffer)) bound.set(buffer, recording);
          buffer.release();
        } else if (a.kind === "enter" && !recording) {
          recording = new Arena();
          arenas.push(recording);
          pool.enter(recording);
        } else if (a.kind === "leave") {
          pool.leave();
          recording = null;
        } else if (a.kind === "dissolve" && arenas.length > 0) {
          const [arena] = arenas.splice(a.pick % arenas.length, 1) as [Arena];
          if (arena === recording) {
            pool.leave();
            recording = null;
          }
          pool.dissolve(arena);
          for (const [buffer, owner] of bound) if (owner === arena) bound.delete(buffer);
        }
        const bytes = live.reduce((n, b) => n + b.bytes, 0);
        peak = Math.max(peak, bytes);
        expect(pool.stats.live).toBe(bytes);
        expect(pool.stats.peak).toBe(peak);
      }
      pool.leave();
      for (const arena of arenas) pool.dissolve(arena);
      for (const buffer of live) buffer.release();
      expect(pool.stats.live).toBe(0);
      pool.trim();
      expect(pool.stats.pooled).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test("a freed buffer serves the next request of its class, and no other", () => {
  const pool = newPool();
  const a = pool.acquire(1000, "a");
  a.release();
  expect(pool.stats).toEqual({ live: 0, pooled: 1024, peak: 1024, created: 1 });
  const other = pool.acquire(2000, "b");
  expect(other).not.toBe(a);
  expect(pool.acquire(900, "c")).toBe(a);
  expect(pool.stats).toEqual({ live: 1024 + 2048, pooled: 0, peak: 3072, created: 2 });
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

test("an arena keeps what it frees to itself until it is dissolved", () => {
  const pool = newPool();
  const arena = new Arena();
  pool.enter(arena);
  const a = pool.acquire(256, "a");
  a.release();
  expect(pool.acquire(256, "again")).toBe(a);
  const stays = pool.acquire(256, "persistent", true);
  a.release();
  expect(pool.acquire(256, "persistent", true)).not.toBe(a);
  pool.leave();
  expect(pool.acquire(256, "outside")).not.toBe(a);
  expect(arena.owned).toContain(a);
  expect(arena.owned).not.toContain(stays);
  pool.dissolve(arena);
  expect(pool.acquire(256, "outside")).toBe(a);
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

test("a buffer that outlives its arena returns to everybody", () => {
  const pool = newPool();
  const arena = new Arena();
  pool.enter(arena);
  expect(() => pool.enter(new Arena())).toThrow("a step is being recorded already");
  const a = pool.acquire(256, "a");
  pool.leave();
  pool.dissolve(arena);
  a.release();
  expect(pool.acquire(256, "b")).toBe(a);
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

test("trim may follow work that is still pending", async () => {
  const gpu = currentGpu();
  const t = allocate([1000], "f32");
  fillZero(t);
  t.dispose();
  gpu.pool.trim();
  expect(gpu.memory().pooled).toBe(0);
  await gpu.wait();
});
