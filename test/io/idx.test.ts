import fc from "fast-check";
import { expect, test } from "vitest";
import { IdxError, parseIdx } from "../../src/io/idx.ts";
import { idx } from "./idx_files.ts";

function refusal(bytes: Uint8Array): IdxError {
  try {
    parseIdx(bytes, "x-idx");
  } catch (error) {
    expect(error).toBeInstanceOf(IdxError);
    expect((error as Error).message).toMatch(/^x-idx: [^\r\n]+$/);
    return error as IdxError;
  }
  throw new Error("was accepted");
}

test("reads shape and bytes", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(5), { minLength: 1, maxLength: 4 }), (shape) => {
      const data = Uint8Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => i);
      expect(parseIdx(idx(8, shape, data))).toEqual({ dtype: "U8", shape, data });
    }),
  );
});

test("reads wider types as big-endian without changing the file", () => {
  const bytes = Buffer.from(idx(11, [2], [0x01, 0x02, 0xff, 0xfe]));
  const before = [...bytes];
  expect(parseIdx(bytes)).toEqual({ dtype: "I16", shape: [2], data: new Int16Array([0x0102, -2]) });
  expect([...bytes]).toEqual(before);
  expect(parseIdx(idx(12, [1], [0, 0, 1, 0])).data).toEqual(new Int32Array([256]));
  expect(parseIdx(idx(13, [1], [0x3f, 0x80, 0, 0])).data).toEqual(new Float32Array([1]));
  expect(parseIdx(idx(14, [1], [0xc0, 0, 0, 0, 0, 0, 0, 0])).data).toEqual(new Float64Array([-2]));
  expect(parseIdx(idx(9, [1], [0xff])).data).toEqual(new Int8Array([-1]));
});

test.each([
  ["an empty file", new Uint8Array(0), "empty", "file is empty"],
  ["three bytes", new Uint8Array(3), "truncated", "truncated: expected at least 4 bytes, got 3"],
  ["text", new TextEncoder().encode("<!doctype html>"), "wrong magic", "wrong magic 3c 21 64 6f"],
  ["gzip", new Uint8Array([0x1f, 0x8b, 8, 0, 0]), "wrong magic", "this is gzip data"],
  ["an unknown type", idx(10, [1], [0]), "wrong magic", "expected element type 08"],
  ["no dimensions", idx(8, [], [0]), "wrong magic", "without dimensions"],
  ["half a header", idx(8, [2, 2], []).subarray(0, 9), "truncated", "truncated: expected a header of 12 bytes, got 9"],
  ["a byte too few", idx(8, [2, 2], [1, 2, 3]), "truncated", "truncated: U8 [2,2]: expected 16 bytes, got 15"],
  ["a byte too many", idx(8, [2], [1, 2, 3]), "too long", "too long: U8 [2]: expected 10 bytes, got 11"],
  ["sizes past 2^53", idx(8, [2 ** 32 - 1, 2 ** 32 - 1], []), "wrong content", "more than 2^53"],
] as const)("refuses %s", (_what, bytes, fault, message) => {
  const error = refusal(bytes);
  expect(error.fault).toBe(fault);
  expect(error.message).toContain(message);
});

test("refuses random bytes and never fails otherwise", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
      bytes.set([0, 0].slice(0, bytes.length));
      try {
        parseIdx(bytes, "x");
      } catch (error) {
        expect(error).toBeInstanceOf(IdxError);
      }
    }),
  );
});
