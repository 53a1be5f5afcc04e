// Sparse model files: exact round trips in both layouts, sizes compared with prune/compression.ts, and corrupt files.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  parseSafetensors,
  readModelWeights,
  SPARSE_LAYOUTS,
  type SparseLayout,
  sparseBytes,
  writeSafetensors,
  writeSparseModel,
} from "../../src/io/index.ts";
import { compression } from "../../src/prune/compression.ts";
import type { HostArray } from "../../src/tensor/index.ts";

const shapes = fc.oneof(
  fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 0, maxLength: 4 }),
  fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 250, max: 700 })),
);
const weight = shapes.chain((shape) => {
  const count = shape.reduce((a, b) => a * b, 1);
  const value = fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.float() });
  return fc
    .array(value, { minLength: count, maxLength: count, size: "max" })
    .map((values): HostArray<Float32Array> => ({ data: Float32Array.from(values), shape }));
});
const models = fc
  .dictionary(fc.string({ minLength: 1 }), weight, { maxKeys: 4 })
  .map((d) => new Map(Object.entries(d)));

/** Bits, with zeros of one sign: a sparse file does not store the sign of zeros. */
const bits = (data: Float32Array) => [...new Uint32Array(Float32Array.from(data, (v) => (v === 0 ? 0 : v)).buffer)];
const random = (count: number, keep: number) =>
  Float32Array.from({ length: count }, (_, i) => ((Math.imul(i + 1, 2654435761) >>> 0) / 2 ** 32 < keep ? i + 1 : 0));

test.each(SPARSE_LAYOUTS)("%s: reads back its output", (layout) => {
  fc.assert(
    fc.property(models, (weights) => {
      const { weights: back, metadata } = readModelWeights(writeSparseModel(weights, { seed: "3" }, { layout }), "m");
      expect([...back.keys()].sort()).toEqual([...weights.keys()].sort());
      for (const [name, { data, shape }] of weights) {
        expect(back.get(name)?.shape).toEqual(shape);
        expect(bits(back.get(name)!.data)).toEqual(bits(data));
      }
      expect(metadata.get("seed")).toBe("3");
    }),
  );
});

test("accepts a weight named __proto__", () => {
  const data = random(64, 0.1);
  const bytes = writeSparseModel(new Map([["__proto__", { data, shape: [8, 8] }]]));
  expect(readModelWeights(bytes, "m").weights.get("__proto__")).toEqual({ data, shape: [8, 8] });
});

test("stores columns in one, two or four bytes by their count", () => {
  for (const [columns, dtype] of [
    [256, "U8"],
    [257, "U16"],
    [65536, "U16"],
    [65537, "U32"],
  ] as const) {
    const data = new Float32Array(2 * columns);
    data.set([1, 2], columns - 1); // the last of the first row, the first of the second
    data[2 * columns - 1] = 3;
    const bytes = writeSparseModel(new Map([["w", { data, shape: [2, columns] }]]), {}, { layout: "csr" });
    const { tensors } = parseSafetensors(bytes);
    expect(tensors.get("w.columns")?.dtype).toBe(dtype);
    expect([...(tensors.get("w.columns")!.data as Uint32Array)]).toEqual([columns - 1, 0, columns - 1]);
    expect([...(tensors.get("w.rows")!.data as Uint32Array)]).toEqual([0, 1, 3]);
    expect(bits(readModelWeights(bytes, "m").weights.get("w")!.data)).toEqual(bits(data));
  }
});

test("has the sizes of the compression count, in whole bytes", () => {
  for (const shape of [
    [128, 784],
    [64, 32, 3, 3],
    [10, 128],
    [16, 1, 5, 5],
  ]) {
    const count = shape.reduce((a, b) => a * b, 1);
    const data = random(count, 0.05);
    const nonzeros = data.filter((v) => v !== 0).length;
    const { pruned } = compression([{ name: "w", shape, zeros: count - nonzeros }], 0);
    const sizeOf = (layout: SparseLayout) => {
      const { tensors } = parseSafetensors(writeSparseModel(new Map([["w", { data, shape }]]), {}, { layout }));
      return [...tensors.values()].reduce((n, t) => n + t.data.byteLength, 0);
    };
    for (const layout of ["bitmask", "csr"] as const) expect(sizeOf(layout)).toBe(sparseBytes(shape, nonzeros, layout));
    expect(sizeOf("bitmask")).toBe(4 * nonzeros + Math.ceil((pruned.bitmask - 32 * nonzeros) / 8));
    // A file has 8, 16 or 32 bits a column and 32 a row pointer; the count has as few as tell them apart.
    const columns = count / shape[0]!;
    const least = (n: number) => Math.max(1, Math.ceil(Math.log2(n)));
    const wider = (columns <= 256 ? 8 : 16) - least(columns);
    const slack = nonzeros * wider + (shape[0]! + 1) * (32 - least(nonzeros + 1));
    expect(8 * sizeOf("csr")).toBe(pruned.csr + slack);
  }
});

test("blocks of a weight that was pruned by blocks to 90 % take at most 0.13 of its bytes", () => {
  for (const shape of [
    [128, 784],
    [64, 64, 3, 3],
    [60, 300],
  ]) {
    const each = shape.slice(1).reduce((a, b) => a * b, 1);
    const live = random(Math.ceil(shape[0]! / 8) * each, 0.1);
    const data = Float32Array.from({ length: shape[0]! * each }, (_, i) => {
      const [row, column] = [Math.floor(i / each), i % each];
      return live[Math.floor(row / 8) * each + column] === 0 ? 0 : i + 1;
    });
    const bytes = writeSparseModel(new Map([["w", { data, shape }]]), {}, { layout: "block" });
    const { tensors } = parseSafetensors(bytes);
    const size = [...tensors.values()].reduce((n, t) => n + t.data.byteLength, 0);
    expect(size).toBeLessThan(0.13 * data.byteLength);
    expect(tensors.get("w.blocks")!.data[0]).toBe(8);
    expect(readModelWeights(bytes, "m").weights.get("w")?.data).toEqual(data);
  }
});

test("blocks of 4 where they take fewer bytes, and a last row of smaller blocks", () => {
  const data = new Float32Array(10 * 8);
  for (const i of [0, 8, 16, 24, 32 + 3, 64 + 7, 72 + 7]) data[i] = 1;
  const bytes = writeSparseModel(new Map([["w", { data, shape: [10, 8] }]]), {}, { layout: "block" });
  const { tensors } = parseSafetensors(bytes);
  expect([...(tensors.get("w.blocks")!.data as Uint32Array)]).toEqual([4, 0, 1, 2, 3]);
  expect([...(tensors.get("w.columns")!.data as Uint8Array)]).toEqual([0, 3, 7]);
  expect([...(tensors.get("w.values")!.data as Float32Array)]).toEqual([1, 1, 1, 1, 1, 0, 0, 0, 1, 1]);
  expect(readModelWeights(bytes, "m").weights.get("w")?.data).toEqual(data);
});

describe("refuses corrupt blocks by name", () => {
  const u32 = (...data: number[]) => ({ dtype: "U32" as const, shape: [data.length], data: Uint32Array.from(data) });
  const u8 = (...data: number[]) => ({ dtype: "U8" as const, shape: [data.length], data: Uint8Array.from(data) });
  const f32 = (...data: number[]) => ({ dtype: "F32" as const, shape: [data.length], data: Float32Array.from(data) });
  const intact = { "w.blocks": u32(4, 0, 1, 2), "w.columns": u8(2, 0), "w.values": f32(1, 2, 3, 4, 5) };
  const read = (change: object) => {
    const present = Object.entries({ ...intact, ...change }).filter(([, part]) => part !== null);
    const metadata = { format: "espalier-sparse-block-1", shapes: '{"w":[5,3]}' };
    return readModelWeights(writeSafetensors(new Map(present), metadata), "m.st");
  };

  test("reads the intact file", () => {
    expect([...read({}).weights.get("w")!.data]).toEqual([0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 0, 4, 5, 0, 0]);
  });

  test.each([
    ["no columns", { "w.columns": null }, "w has blocks but no columns"],
    [
      "another size",
      { "w.blocks": u32(3, 0, 1, 2) },
      "w has blocks of 3 numbers of type U32: expected 8 or 4 of type U32",
    ],
    ["no size", { "w.blocks": u32() }, "w has blocks of undefined numbers"],
    ["too few rows", { "w.blocks": u32(4, 0, 2) }, "w has 2 row pointers: expected 3"],
    ["a row before the first", { "w.blocks": u32(4, 1, 1, 2) }, "w has row pointers from 1 to 2: expected 0 to 2"],
    ["rows behind the end", { "w.blocks": u32(4, 0, 1, 9) }, "w has row pointers from 0 to 9: expected 0 to 2"],
    ["rows that fall", { "w.blocks": u32(4, 0, 3, 2) }, "w has column"],
    ["a column outside", { "w.columns": u8(3, 0) }, "w has column 3 in row 0: expected ascending columns below 3"],
    ["columns of another width", { "w.columns": u32(2, 0) }, "w has columns of type U32: expected U8"],
    ["too few values", { "w.values": f32(1, 2, 3, 4) }, "w has 4 values: expected 5, as in its blocks"],
    ["too many values", { "w.values": f32(1, 2, 3, 4, 5, 6) }, "w has 6 values: expected 5, as in its blocks"],
    ["values of another type", { "w.values": u32(1, 2, 3, 4, 5) }, "w has values of type U32: expected F32"],
  ] as const)("%s", (_, change, message) => {
    expect(() => read(change)).toThrow(`m.st: ${message}`);
  });
});

test("reads a file of the first format", () => {
  // Bits 0 and 2 of three entries.
  const parts = new Map([
    ["w.mask", { dtype: "U8" as const, shape: [1], data: Uint8Array.of(0b101) }],
    ["w.values", { dtype: "F32" as const, shape: [2], data: Float32Array.of(1.5, -2) }],
    ["b", { dtype: "F32" as const, shape: [1], data: Float32Array.of(7) }],
  ]);
  const bytes = writeSafetensors(parts, { format: "espalier-sparse-1", shapes: '{"w":[3]}' });
  const { weights } = readModelWeights(bytes, "old");
  expect([...weights.get("w")!.data, ...weights.get("b")!.data]).toEqual([1.5, 0, -2, 7]);
});

describe("refuses corrupt files by name", () => {
  const rows = { dtype: "U32" as const, shape: [3], data: Uint32Array.of(0, 1, 3) };
  const columns = { dtype: "U8" as const, shape: [3], data: Uint8Array.of(2, 0, 1) };
  const values = { dtype: "F32" as const, shape: [3], data: Float32Array.of(1, 2, 3) };
  const csr = { "w.rows": rows, "w.columns": columns, "w.values": values };
  const read = (parts: object, shapes = '{"w":[2,3]}') => {
    const present = Object.entries(parts).filter(([, part]) => part !== null);
    return readModelWeights(writeSafetensors(new Map(present), { format: "espalier-sparse-csr-1", shapes }), "m.st");
  };

  test("reads the intact file", () => {
    expect([...read(csr).weights.get("w")!.data]).toEqual([0, 0, 1, 2, 3, 0]);
  });

  const u32 = (...data: number[]) => ({ ...rows, shape: [data.length], data: Uint32Array.from(data) });
  const u8 = (...data: number[]) => ({ ...columns, shape: [data.length], data: Uint8Array.from(data) });
  test.each([
    ["no columns", { "w.columns": null }, "w has rows but no columns"],
    ["no values", { "w.values": null }, "w has rows but no values"],
    ["too few rows", { "w.rows": u32(0, 3) }, "w has 2 row pointers of type U32: expected 3"],
    ["rows that fall", { "w.rows": u32(0, 4, 3) }, "w has column 0 in row 0: expected ascending columns below 3"],
    ["a row before the first", { "w.rows": u32(1, 1, 3) }, "w has row pointers from 1 to 3: expected 0 to 3"],
    ["rows behind the end", { "w.rows": u32(0, 1, 9) }, "w has row pointers from 0 to 9: expected 0 to 3"],
    ["a column outside", { "w.columns": u8(3, 0, 1) }, "w has column 3 in row 0: expected ascending columns below 3"],
    ["a column twice", { "w.columns": u8(2, 1, 1) }, "w has column 1 in row 1: expected ascending columns below 3"],
    ["too few columns", { "w.columns": u8(2, 0) }, "w has 3 values of type F32: expected 2"],
    ["columns of another width", { "w.columns": u32(2, 0, 1) }, "w has columns of type U32: expected U8"],
  ] as const)("%s", (_, change, message) => {
    expect(() => read({ ...csr, ...change })).toThrow(`m.st: ${message}`);
  });

  test("rows that end before their start", () => {
    const one = { ...columns, shape: [1], data: Uint8Array.of(0) };
    const parts = {
      "w.rows": u32(0, 1, 0, 1),
      "w.columns": one,
      "w.values": { ...values, shape: [1], data: Float32Array.of(1) },
    };
    expect(() => read(parts, '{"w":[3,3]}')).toThrow("w has descending row pointers: row 1 ends before its start");
  });

  test("shapes that would fill the memory, of one weight or of several", () => {
    const empty = {
      "w.rows": u32(0, 0),
      "w.columns": { ...rows, shape: [0], data: new Uint32Array(0) },
      "w.values": { ...values, shape: [0], data: new Float32Array(0) },
    };
    const begin = process.memoryUsage().arrayBuffers;
    expect(() => read(empty, '{"w":[1,4000000000]}')).toThrow(
      "w [1,4000000000]: expected at most 67108864 unpacked values in all weights, got more",
    );
    expect(() => read(empty, '{"w":[1,9000000000000000]}')).toThrow(
      "w [1,9000000000000000]: expected at most 67108864 unpacked values in all weights, got more",
    );
    const many = Object.fromEntries(
      Object.entries(empty).flatMap(([name, part]) => ["a", "b", "c"].map((w) => [w + name.slice(1), part])),
    );
    const each = "[1,30000000]";
    expect(() => read(many, `{"a":${each},"b":${each},"c":${each}}`)).toThrow(
      "m.st: c [1,30000000]: expected at most 67108864 unpacked values in all weights, got more",
    );
    expect(process.memoryUsage().arrayBuffers - begin).toBeLessThan(2 ** 29);
    // Zeros alone are no bomb: a layer that was pruned whole.
    expect(read(empty, '{"w":[1,100000]}').weights.get("w")?.data.length).toBe(100_000);
  });

  test.each(['{"w":[2,0]}', "{}", '{"w":"x"}'])("shapes %s", (shapes) => {
    expect(() => read(csr, shapes)).toThrow("w: expected a shape of integers > 0, got");
  });

  test("another layout", () => {
    expect(() => writeSparseModel(new Map(), {}, { layout: "coo" as SparseLayout })).toThrow(
      "sparse model: layout: expected bitmask, csr, block, got coo",
    );
    const wrong = new Map([["w", { data: new Float32Array(9), shape: [2, 3] }]]);
    expect(() => writeSparseModel(wrong)).toThrow("w: [2,3]: expected 6 values, got 9");
  });
});
