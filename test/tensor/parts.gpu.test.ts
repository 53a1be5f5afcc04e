import fc from "fast-check";
import { expect, test } from "vitest";
import { bindableParts, partOf, Scope, stretch, tensor } from "../../src/tensor/index.ts";
import { withBindings } from "../support/bindings.ts";

test("parts follow each other, fit a binding, begin where one may, and are as few as that allows", async () => {
  const sizes = fc.record({
    rows: fc.integer({ min: 1, max: 5000 }),
    rowBytes: fc.integer({ min: 1, max: 100 }).map((n) => 4 * n),
    limit: fc.integer({ min: 64 * 400, max: 2_000_000 }),
  });
  await fc.assert(
    fc.asyncProperty(sizes, ({ rows, rowBytes, limit }) =>
      withBindings(limit, () => {
        const parts = bindableParts(rows, rowBytes);
        let next = 0;
        for (const part of parts) {
          expect(part.first).toBe(next);
          expect(part.of).toBe(rows);
          expect(part.rows).toBeGreaterThan(0);
          expect(part.rows * rowBytes).toBeLessThanOrEqual(limit);
          expect((part.first * 4) % 256).toBe(0);
          next += part.rows;
        }
        expect(next).toBe(rows);
        const most = Math.floor(limit / rowBytes / 64) * 64;
        expect(parts.length).toBe(rows * rowBytes <= limit ? 1 : Math.ceil(rows / most));
      }),
    ),
  );
});

test("a part of a tensor is those rows of it, whatever their length; the only part is the tensor itself", async () => {
  using _scope = new Scope();
  const wide = tensor(new Float32Array(200 * 6), [200, 6]);
  const narrow = tensor(new Uint32Array(200));
  const inner = wide.alias([136, 6], true, 64 * 6);
  await withBindings(64 * 24, () => {
    const parts = bindableParts(200, 24);
    expect(parts.map(({ first, rows }) => [first, rows])).toEqual(
      [0, 64, 128, 192].map((n) => [n, Math.min(64, 200 - n)]),
    );
    const second = parts[1]!;
    expect(partOf(wide, second).view).toEqual({ ...wide.view, offset: 64 * 24, bytes: 64 * 24 });
    expect(partOf(narrow, second).view).toEqual({ ...narrow.view, offset: 256, bytes: 256 });
    expect(stretch(inner, 64, 10).view).toEqual({ ...inner.view, offset: 64 * 24 + 256, bytes: 40 });
  });
  const [only] = bindableParts(200, 24);
  expect(partOf(wide, only!)).toBe(wide);
});

test("rows of which 64 do not fit are refused, by name", async () => {
  await withBindings(1000, () => {
    expect(bindableParts(62, 16)).toHaveLength(1);
    expect(() => bindableParts(63, 16, "weight [63,4] f32")).toThrow(
      "64 rows of weight [63,4] f32 need 1024 bytes; this adapter binds at most 1000 bytes at once",
    );
  });
});
