import { expect, test } from "vitest";
import { arrayFault, elementsAt, quote, shapeFault, toFloat32 } from "../../src/io/array_types.ts";

test("converts half floats to f32", () => {
  const bits = new Uint16Array([0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000, 0x7c00, 0xfc00, 0x3555, 0x7e00]);
  const got = toFloat32({ dtype: "F16", shape: [9], data: bits });
  expect([...got.subarray(0, 8)]).toEqual([1, -2, 65504, 2 ** -24, -0, Infinity, -Infinity, 0.333251953125]);
  expect(got[8]).toBeNaN();
});

test("bfloat16 is the upper half of an f32", () => {
  const values = new Float32Array([1, -2.5, 3e38, 2 ** -130, Infinity]);
  const upper = new Uint16Array([...new Uint32Array(values.buffer)].map((bits) => bits >>> 16));
  const want = new Float32Array(new Uint32Array([...upper].map((bits) => bits << 16)).buffer);
  expect(toFloat32({ dtype: "BF16", shape: [5], data: upper })).toEqual(want);
  expect(toFloat32({ dtype: "BF16", shape: [2], data: new Uint16Array([0x3f80, 0xc020]) })).toEqual(
    new Float32Array([1, -2.5]),
  );
});

test("converts other types and does not copy f32", () => {
  const f32 = new Float32Array([1, 2]);
  expect(toFloat32({ dtype: "F32", shape: [2], data: f32 })).toBe(f32);
  expect([...toFloat32({ dtype: "I64", shape: [2], data: new BigInt64Array([-3n, 2n ** 40n]) })]).toEqual([
    -3,
    2 ** 40,
  ]);
  expect([...toFloat32({ dtype: "F64", shape: [1], data: new Float64Array([0.1]) })]).toEqual([Math.fround(0.1)]);
  expect([...toFloat32({ dtype: "BOOL", shape: [2], data: new Uint8Array([0, 1]) })]).toEqual([0, 1]);
});

test("copies unaligned data, also those of a Buffer", () => {
  const buffer = Buffer.from([9, 1, 0, 0, 0, 2, 0, 0, 0]);
  const data = elementsAt("U32", buffer, buffer.byteOffset % 4 === 3 ? 5 : 1, 1);
  expect(data).toEqual(new Uint32Array([buffer.byteOffset % 4 === 3 ? 2 : 1]));
  const odd = new Uint8Array(new ArrayBuffer(16), 3).subarray(0, 9);
  odd.set(buffer);
  const copied = elementsAt("U32", odd, 0, 2);
  expect(copied.buffer).not.toBe(odd.buffer);
  expect([...copied]).toEqual([0x00000109, 0x00000200]);
});

test("refuses shapes with inexact products", () => {
  expect(shapeFault([])).toBeNull();
  expect(shapeFault([3, 0, 5])).toBeNull();
  expect(shapeFault("3")).toBe("shape is not a list");
  expect(shapeFault([2, -1])).toBe("shape: expected integers >= 0, got -1");
  expect(shapeFault([2 ** 40, 2 ** 40, 0])).toBe("shape has more than 2^53 elements");
});

test("checks dtype, array type and count of an array to write", () => {
  const fault = (dtype: string, shape: number[], data: unknown) =>
    arrayFault({ dtype: dtype as "F32", shape, data: data as Float32Array });
  expect(fault("F32", [2], new Float32Array(2))).toBeNull();
  expect(fault("F8", [2], new Float32Array(2))).toContain('F8_E8M0, got "F8"');
  expect(fault("F32", [2], new Float64Array(2))).toBe("dtype F32: expected a Float32Array, got Float64Array");
  expect(fault("F32", [2, 2], new Float32Array(3))).toBe("shape [2,2]: expected 4 elements, got 3");
});

test("keeps quoted text on one short line", () => {
  expect(quote("a\nb")).toBe('"a\\nb"');
  expect(quote(undefined)).toBe("nothing");
  expect(quote("x".repeat(200))).toHaveLength(80);
});
