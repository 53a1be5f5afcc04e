import fc from "fast-check";
import { expect, test } from "vitest";
import { currentGpu, DisposedError, OpError } from "../../src/gpu/index.ts";
import {
  copyInto,
  empty,
  emptyLike,
  fillZero,
  metaTensor,
  persistent,
  readAll,
  Scope,
  scalar,
  type TypedArray,
  tensor,
  zeros,
} from "../../src/tensor/index.ts";

test("values go in and come out unchanged, in each dtype and shape", async () => {
  const arrays = fc.oneof(
    fc.float32Array({ minLength: 1, maxLength: 600 }),
    fc.int32Array({ minLength: 1, maxLength: 600 }),
    fc.uint32Array({ minLength: 1, maxLength: 600 }),
  );
  await fc.assert(
    fc.asyncProperty(arrays, async (values: TypedArray) => {
      using t = tensor(values);
      expect(t.dtype).toBe({ Float32Array: "f32", Int32Array: "i32", Uint32Array: "u32" }[values.constructor.name]);
      expect(await t.data()).toEqual(values);
    }),
    { numRuns: 30 },
  );
});

test("a part of a larger array is taken, not its whole buffer", async () => {
  using t = tensor(Float32Array.from([9, 1, 2, 9]).subarray(1, 3));
  expect([...(await t.data())]).toEqual([1, 2]);
});

test("makers: zeros, empty, emptyLike, scalar, persistent", async () => {
  using scope = new Scope();
  const z = zeros([2, 3], "i32");
  expect(await z.data()).toEqual(new Int32Array(6));
  expect(emptyLike(z)).toMatchObject({ shape: [2, 3], dtype: "i32", numel: 6, bytes: 24 });
  expect(empty([4])).toMatchObject({ shape: [4], dtype: "f32" });
  const s = scalar(2.5);
  const p = persistent(Uint32Array.of(7, 8), [2]);
  scope.dispose();
  expect(z.isDisposed).toBe(true);
  // These two outlive every scope.
  expect(await s.item()).toBe(2.5);
  expect([...(await p.data())]).toEqual([7, 8]);
  s.dispose();
  p.dispose();
});

test("set overwrites after what was enqueued, and before what follows", async () => {
  using _scope = new Scope();
  const t = tensor([1, 2, 3]);
  const before = empty([3]);
  copyInto(before, t);
  t.set([4, 5, 6]);
  const after = empty([3]);
  copyInto(after, t);
  fillZero(t);
  const [a, b, c] = await readAll(before, after, t);
  expect([a, b, c].map((v) => [...v!])).toEqual([
    [1, 2, 3],
    [4, 5, 6],
    [0, 0, 0],
  ]);
  using n = scalar(1, "i32");
  n.set(-3);
  expect(await n.item()).toBe(-3);
});

test("readAll keeps order, dtype and shape apart in one wait", async () => {
  using _scope = new Scope();
  const parts = [tensor([1.5]), tensor(Int32Array.of(-1, 2, -3)), tensor(Uint32Array.of(2 ** 32 - 1)), tensor([7, 8])];
  expect(await readAll(...parts)).toEqual([
    Float32Array.of(1.5),
    Int32Array.of(-1, 2, -3),
    Uint32Array.of(2 ** 32 - 1),
    Float32Array.of(7, 8),
  ]);
  expect(await readAll()).toEqual([]);
});

test("refuses wrong counts and types", async () => {
  using _scope = new Scope();
  const t = tensor([1, 2]);
  expect(() => t.set([1, 2, 3])).toThrow("set: expected 2 values, got 3 (tensor [2])");
  expect(() => t.set(1)).toThrow("set: expected 2 values, got 1");
  expect(() => t.set(Int32Array.of(1, 2))).toThrow("set: expected f32 values, got i32 (tensor [2])");
  expect(() => t.set(new Float64Array(2) as unknown as Float32Array)).toThrow("got Float64Array");
  expect(() => tensor([1, 2, 3], [2, 2])).toThrow("tensor: expected 4 values for shape [2,2], got 3");
  expect(() => tensor(new Uint8Array(4) as unknown as Uint32Array)).toThrow(
    "tensor: expected Float32Array, Int32Array or Uint32Array, got Uint8Array",
  );
  expect(() => empty([2, 0])).toThrow("tensor: expected a shape of positive integers, got [2,0]");
  expect(() => copyInto(t, tensor([1]))).toThrow("copyInto: expected equal sizes and dtypes (target [2], source [1])");
  expect(() => copyInto(t, tensor(Int32Array.of(1, 2)))).toThrow(OpError);
  await expect(t.item()).rejects.toThrow("item: expected one element (tensor [2])");
});

test("a disposed tensor names itself", async () => {
  const t = tensor([1, 2]);
  t.name = "logits";
  t.dispose();
  t.dispose();
  const words = "tensor logits [2] f32 was disposed (a Tape frees what it recorded; keep it with tape.keep)";
  expect(() => t.view).toThrow(words);
  expect(() => t.set([1, 2])).toThrow(DisposedError);
  expect(() => t.alias()).toThrow(DisposedError);
  await expect(t.data()).rejects.toThrow(words);
  await expect(readAll(t)).rejects.toThrow(DisposedError);
  expect(t.isDisposed).toBe(true);
  expect(t.isMeta).toBe(false);
});

test("aliases share memory, which lives as long as any of them", async () => {
  const { live } = currentGpu().memory();
  const t = tensor([1, 2, 3, 4], [2, 2]);
  expect(t.isSoleOwner).toBe(true);
  const flat = t.alias([4]);
  expect(t.isSoleOwner).toBe(false);
  expect(flat.view.buffer).toBe(t.view.buffer);
  t.dispose();
  flat.set([5, 6, 7, 8]);
  expect([...(await flat.data())]).toEqual([5, 6, 7, 8]);
  expect(flat.isSoleOwner).toBe(true);
  expect(currentGpu().memory().live).toBe(live + 256);
  flat.dispose();
  expect(currentGpu().memory().live).toBe(live);
});

test("a meta tensor is a shape without memory", async () => {
  const { live } = currentGpu().memory();
  const m = metaTensor([3, 4], "i32");
  expect(m).toMatchObject({ isMeta: true, numel: 12, dtype: "i32", isDisposed: false });
  expect(currentGpu().memory().live).toBe(live);
  expect(() => m.view).toThrow(/tensor #\d+ \[3,4\] i32 has no data/);
  await expect(m.data()).rejects.toThrow(DisposedError);
});
