import fc from "fast-check";
import { expect, test } from "vitest";
import { arrayDtypes } from "../../src/io/array_types.ts";
import { NpyError, parseNpy, writeNpy } from "../../src/io/npy.ts";
import { fileArray } from "./arbitraries.ts";

/** Make an .npy file with this header dict. */
function npy(dict: string, data: ArrayLike<number> = [], version = 1): Uint8Array {
  const prefix = version === 1 ? 10 : 12;
  const out = new Uint8Array(prefix + dict.length + data.length);
  out.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  const view = new DataView(out.buffer);
  if (version === 1) view.setUint16(8, dict.length, true);
  else view.setUint32(8, dict.length, true);
  out.set(new TextEncoder().encode(dict), prefix);
  out.set(data, prefix + dict.length);
  return out;
}
const dict = (descr: string, shape = "(2,)", fortran = "False") =>
  `{'descr': ${descr}, 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`;

function refusal(bytes: Uint8Array): string {
  try {
    parseNpy(bytes, "x.npy");
  } catch (error) {
    expect(error).toBeInstanceOf(NpyError);
    expect((error as Error).message).toMatch(/^x\.npy: [^\r\n]+$/);
    return (error as Error).message;
  }
  throw new Error("was accepted");
}

test("reads back its output, with data at a multiple of 64", () => {
  fc.assert(
    fc.property(fileArray(arrayDtypes.filter((dtype) => !/^BF16|^F8/.test(dtype))), (array) => {
      const bytes = writeNpy(array);
      expect((bytes.length - array.data.byteLength) % 64).toBe(0);
      const back = parseNpy(bytes);
      expect(back.dtype).toBe(array.dtype);
      expect(back.shape).toEqual(array.shape);
      expect(new Uint8Array(back.data.buffer, back.data.byteOffset, back.data.byteLength)).toEqual(
        new Uint8Array(array.data.buffer, array.data.byteOffset, array.data.byteLength),
      );
    }),
  );
});

test("writes the header byte for byte as NumPy does", () => {
  const bytes = writeNpy({ dtype: "F32", shape: [2, 3], data: new Float32Array(6) });
  const text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  expect(new TextDecoder().decode(bytes.subarray(10, 128))).toBe(`${text.padEnd(117)}\n`);
  expect([...bytes.subarray(6, 10)]).toEqual([1, 0, 118, 0]);
  const vector = writeNpy({ dtype: "U8", shape: [3], data: new Uint8Array(3) });
  expect(new TextDecoder().decode(vector)).toContain("'descr': '|u1', 'fortran_order': False, 'shape': (3,), }");
});

test("reads other versions, key orders and spellings of one-byte types", () => {
  const shuffled = "{'shape': (2,), 'fortran_order': False,'descr': '<u1'}";
  for (const version of [1, 2, 3]) expect([...parseNpy(npy(shuffled, [7, 8], version)).data]).toEqual([7, 8]);
  expect(parseNpy(npy(dict("'|b1'", "()"), [1]))).toEqual({ dtype: "BOOL", shape: [], data: new Uint8Array([1]) });
});

test.each([
  ["no magic", new Uint8Array([1, 2, 3]), "not an .npy file: expected \\x93NUMPY at the start"],
  ["an unknown version", npy(dict("'|u1'"), [1, 2], 4), "expected version 1.0 to 3.0, got 4.0"],
  ["a header cut short", npy(dict("'|u1'")).subarray(0, 30), "truncated: expected a header of"],
  ["a prefix cut short", npy(dict("'|u1'")).subarray(0, 9), "truncated: expected 10 bytes before the header, got 9"],
  ["a huge header", npy(" ".repeat(10_001)), "expected a header of at most 10000 bytes, got 10001"],
  ["objects", npy(dict("'|O'"), [1, 2]), "object arrays are not supported"],
  ["structured types", npy(dict("[('a', '<f4')]"), [1, 2]), "structured types are not supported"],
  ["Fortran order", npy(dict("'|u1'", "(2,)", "True"), [1, 2]), "Fortran order is not supported"],
  ["big-endian", npy(dict("'>f4'"), new Uint8Array(8)), 'big-endian type ">f4"'],
  ["complex", npy(dict("'<c8'"), new Uint8Array(16)), '|b1, got "<c8"'],
  ["too little data", npy(dict("'<f4'"), new Uint8Array(7)), "truncated: F32 [2]: expected 8 bytes of data, got 7"],
  ["too much data", npy(dict("'<f4'"), new Uint8Array(9)), "too long"],
  ["a key twice", npy("{'shape': (2,), 'shape': (2,), 'descr': '|u1'}"), "has shape twice"],
  ["a key missing", npy("{'shape': (2,), 'descr': '|u1'}"), "header: expected a dict of"],
  ["text after the dict", npy(`${dict("'|u1'").trim()} x`, [1, 2]), "header: expected a dict of"],
  ["a call in the dict", npy("{'shape': f(2), 'descr': '|u1', 'fortran_order': False}"), "header: expected a dict of"],
  ["a shape that is a number", npy(dict("'|u1'", "(2)"), [1, 2]), "shape: expected a tuple of integers, got"],
  ["a negative size", npy(dict("'|u1'", "(-2,)"), [1, 2]), "header: expected a dict of"],
  [
    "a huge size",
    npy(dict("'|u1'", "(9007199254740993,)"), [1, 2]),
    "shape: expected integers >= 0, got 9007199254740992",
  ],
])("refuses %s", (_what, bytes, message) => {
  expect(refusal(bytes)).toContain(message);
});

test("reads or refuses mutated headers and never fails otherwise", () => {
  const valid = writeNpy({ dtype: "I16", shape: [2, 2], data: new Int16Array(4) });
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (edits) => {
      const bytes = valid.slice();
      for (const [at, value] of edits) bytes[at] = value;
      try {
        expect(parseNpy(bytes, "x.npy").data.byteLength).toBe(8);
      } catch (error) {
        expect(error).toBeInstanceOf(NpyError);
      }
    }),
    { numRuns: 2000 },
  );
});

test("refuses to write BF16 and data that do not fit", () => {
  expect(() => writeNpy({ dtype: "BF16", shape: [1], data: new Uint16Array(1) })).toThrow("BF16 has no .npy type");
  expect(() => writeNpy({ dtype: "U8", shape: [2], data: new Uint8Array(1) }, "y")).toThrow(
    "y: shape [2]: expected 2 elements, got 1",
  );
});

test("refuses bools other than 0 and 1", () => {
  const bytes = writeNpy({ dtype: "BOOL", shape: [3], data: Uint8Array.of(0, 1, 1) });
  expect([...parseNpy(bytes).data]).toEqual([0, 1, 1]);
  bytes[bytes.length - 1] = 2;
  expect(() => parseNpy(bytes, "b.npy")).toThrow("b.npy: element 2 of a bool array: expected 0 or 1, got 2");
});
