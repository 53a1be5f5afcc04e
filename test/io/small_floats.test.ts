// All floats of eight bits, compared with their definitions; and numbers beyond float32.
import { expect, test } from "vitest";
import { type FileArray, float32Fault, toFloat32 } from "../../src/io/array_types.ts";

const all = Uint8Array.from({ length: 256 }, (_, i) => i);
const read = (dtype: "F8_E4M3" | "F8_E5M2" | "F8_E4M3FNUZ" | "F8_E5M2FNUZ" | "F8_E8M0") =>
  toFloat32({ dtype, shape: [256], data: all });

test.each([
  ["F8_E4M3", 4, 3, 7],
  ["F8_E5M2", 5, 2, 15],
  ["F8_E4M3FNUZ", 4, 3, 8],
  ["F8_E5M2FNUZ", 5, 2, 16],
] as const)("%s: sign, exponent and fraction", (dtype, exponentBits, mantissaBits, bias) => {
  const values = read(dtype);
  for (let bits = 0; bits < 256; bits++) {
    const value = values[bits]!;
    if (!Number.isFinite(value)) continue;
    // Written out as text of a binary number, so that nothing of the code under test is repeated.
    const word = bits.toString(2).padStart(8, "0");
    const exponent = Number.parseInt(word.slice(1, 1 + exponentBits), 2);
    const fraction = Number.parseInt(word.slice(1 + exponentBits), 2);
    const ulp = 2 ** (Math.max(exponent, 1) - bias - mantissaBits);
    const magnitude = ulp * (fraction + (exponent > 0 ? 2 ** mantissaBits : 0));
    expect(value).toBe(word[0] === "1" ? -magnitude : magnitude);
  }
});

test("has infinities, NaN, largest values and zeros at the bits of the formats", () => {
  const where = (values: Float32Array, test: (v: number) => boolean) => [...all].filter((i) => test(values[i]!));
  const [e4m3, e5m2, e4, e5] = [read("F8_E4M3"), read("F8_E5M2"), read("F8_E4M3FNUZ"), read("F8_E5M2FNUZ")];
  expect(where(e4m3, Number.isNaN)).toEqual([0x7f, 0xff]);
  expect(where(e5m2, Number.isNaN)).toEqual([0x7d, 0x7e, 0x7f, 0xfd, 0xfe, 0xff]);
  expect(where(e5m2, (v) => Math.abs(v) === Number.POSITIVE_INFINITY)).toEqual([0x7c, 0xfc]);
  expect([where(e4, Number.isNaN), where(e5, Number.isNaN)]).toEqual([[0x80], [0x80]]);
  const largest = (values: Float32Array) => Math.max(...values.filter(Number.isFinite));
  expect([e4m3, e5m2, e4, e5].map(largest)).toEqual([448, 57344, 240, 57344]);
  expect([e4m3[0x80], e5m2[0x80]]).toEqual([-0, -0]);
});

test("F8_E8M0 holds only powers of two", () => {
  const values = read("F8_E8M0");
  expect([values[0], values[127], values[128], values[254], values[255]]).toEqual([
    2 ** -127,
    1,
    2,
    2 ** 127,
    Number.NaN,
  ]);
});

test.each<[FileArray, string | null]>([
  [
    { dtype: "I32", shape: [2], data: Int32Array.of(1, 2 ** 24 + 1) },
    "element 1: expected a number that float32 can hold, got 16777217",
  ],
  [
    { dtype: "U32", shape: [1], data: Uint32Array.of(2 ** 32 - 1) },
    "element 0: expected a number that float32 can hold, got 4294967295",
  ],
  [{ dtype: "U32", shape: [1], data: Uint32Array.of(2 ** 31) }, null],
  [
    { dtype: "I64", shape: [1], data: BigInt64Array.of(-(2n ** 24n) - 1n) },
    "element 0: expected a number that float32 can hold, got -16777217",
  ],
  [
    { dtype: "U64", shape: [2], data: BigUint64Array.of(2n ** 63n, 2n ** 64n - 1n) },
    "element 1: expected a number that float32 can hold, got 18446744073709551615",
  ],
  [{ dtype: "I64", shape: [1], data: BigInt64Array.of(2n ** 62n) }, null],
  [
    { dtype: "F64", shape: [2], data: Float64Array.of(0.1, 1e39) },
    "element 1: expected a number that float32 can hold, got 1e+39",
  ],
  [{ dtype: "F64", shape: [2], data: Float64Array.of(0.1, Number.POSITIVE_INFINITY) }, null],
  [{ dtype: "U16", shape: [1], data: Uint16Array.of(65535) }, null],
])("names a number that does not fit: case %#", (array, fault) => {
  expect(float32Fault(array)).toBe(fault);
});
