import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { arrayDtypes, elementCount, type FileArrayInput, toFloat32, widthOf } from "../../src/io/array_types.ts";
import {
  parseSafetensors,
  parseSafetensorsHeader,
  SafetensorsError,
  safetensorsHeaderLength,
  writeSafetensors,
} from "../../src/io/safetensors.ts";
import { duplicateKey } from "../../src/io/safetensors_header.ts";
import { fileArray } from "./arbitraries.ts";

/** Make a file with this header text and `size` bytes of data. */
function file(header: string | Uint8Array, dataBytes = 0, length?: number): Uint8Array {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const out = new Uint8Array(8 + text.length + dataBytes);
  new DataView(out.buffer).setBigUint64(0, BigInt(length ?? text.length), true);
  out.set(text, 8);
  return out;
}

function refusal(bytes: Uint8Array): string {
  try {
    parseSafetensors(bytes, "m.safetensors");
  } catch (error) {
    expect(error).toBeInstanceOf(SafetensorsError);
    const { message, file } = error as SafetensorsError;
    expect(file).toBe("m.safetensors");
    expect(message).toMatch(/^m\.safetensors: [^\r\n]+$/);
    return message.slice("m.safetensors: ".length);
  }
  throw new Error("was accepted");
}

const entry = (dtype: string, shape: string, begin: number, end: number) =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;

const name = fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "a.b", 'quo"te\\', "ä\n"));
const named = fc.uniqueArray(fc.tuple(name, fileArray(arrayDtypes)), { selector: ([key]) => key, maxLength: 6 });
const notes = fc.uniqueArray(fc.tuple(name, fc.string({ unit: "grapheme" })), {
  selector: ([key]) => key,
  maxLength: 4,
});

/** Compare bytes instead of numbers: NaN payloads must survive. */
const bytesIn = ({ dtype, shape, data }: FileArrayInput) => ({
  dtype,
  shape,
  bytes: [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)],
});

test("reads back its aligned output, and writes the same bytes for the same input", () => {
  fc.assert(
    fc.property(named, notes, (tensors, metadata) => {
      const written = writeSafetensors(new Map(tensors), new Map(metadata));
      expect(writeSafetensors(new Map(tensors), new Map(metadata))).toEqual(written);
      const back = parseSafetensors(written);
      expect(back.metadata).toEqual(new Map(metadata));
      expect([...back.tensors.keys()].sort()).toEqual(tensors.map(([key]) => key).sort());
      for (const [key, tensor] of tensors) expect(bytesIn(back.tensors.get(key)!)).toEqual(bytesIn(tensor));
      const header = parseSafetensorsHeader(written);
      expect(header.dataOffset % 8).toBe(0);
      for (const info of header.tensors.values()) expect(info.begin % widthOf(info.dtype)).toBe(0);
    }),
  );
});

test("reads at any offset in a larger buffer", () => {
  const bytes = writeSafetensors(new Map([["w", { dtype: "F32", shape: [2], data: new Float32Array([1.5, -2]) }]]));
  for (let shift = 0; shift < 8; shift++) {
    const moved = new Uint8Array(bytes.length + 8).subarray(shift, shift + bytes.length);
    moved.set(bytes);
    expect(parseSafetensors(moved).tensors.get("w")!.data).toEqual(new Float32Array([1.5, -2]));
  }
});

test("reads a file of the reference library", () => {
  // safetensors 0.8.0: w f32 [2,3], h f16 [3], b bool [3], n i64 [], e f32 [0,4], two notes.
  const base64 =
    "SAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCIsIm5vdGUiOiJow6Rs4oCobG8ifSwibiI6eyJkdHlwZSI6Ikk2NCIsInNoYXBl" +
    "IjpbXSwiZGF0YV9vZmZzZXRzIjpbMCw4XX0sImUiOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzAsNF0sImRhdGFfb2Zmc2V0cyI6WzgsOF19LCJ3" +
    "Ijp7ImR0eXBlIjoiRjMyIiwic2hhcGUiOlsyLDNdLCJkYXRhX29mZnNldHMiOls4LDMyXX0sImgiOnsiZHR5cGUiOiJGMTYiLCJzaGFwZSI6WzNd" +
    "LCJkYXRhX29mZnNldHMiOlszMiwzOF19LCJiIjp7ImR0eXBlIjoiQk9PTCIsInNoYXBlIjpbM10sImRhdGFfb2Zmc2V0cyI6WzM4LDQxXX19ICAg" +
    "+f////////8AACDAAADAvwAAAL8AAAA/AADAPwAAIEAAPgDA/3sBAAE=";
  const { tensors, metadata } = parseSafetensors(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)));
  expect(Object.fromEntries(metadata)).toEqual({ format: "pt", note: "häl\u2028lo" });
  expect(tensors.get("w")).toEqual({
    dtype: "F32",
    shape: [2, 3],
    data: new Float32Array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]),
  });
  expect([...toFloat32(tensors.get("h")!)]).toEqual([1.5, -2, 65504]);
  expect(tensors.get("b")!.data).toEqual(new Uint8Array([1, 0, 1]));
  expect(tensors.get("n")).toEqual({ dtype: "I64", shape: [], data: new BigInt64Array([-7n]) });
  expect(tensors.get("e")).toEqual({ dtype: "F32", shape: [0, 4], data: new Float32Array(0) });
});

test("accepts names with a meaning in JavaScript", () => {
  const header = `{"__proto__":${entry("U8", "[1]", 0, 1)},"constructor":${entry("U8", "[1]", 1, 2)}}`;
  expect([...parseSafetensors(file(header, 2)).tensors.keys()]).toEqual(["__proto__", "constructor"]);
  const notes = parseSafetensors(file('{"__metadata__":{"__proto__":"x"}}')).metadata;
  expect([...notes]).toEqual([["__proto__", "x"]]);
});

test("reads the header alone", () => {
  const bytes = writeSafetensors(new Map([["w", { dtype: "F32", shape: [100], data: new Float32Array(100) }]]));
  const length = safetensorsHeaderLength(bytes.subarray(0, 8), "w", bytes.length);
  const header = parseSafetensorsHeader(bytes.subarray(0, 8 + length), "w", bytes.length);
  expect(header.tensors.get("w")).toEqual({ dtype: "F32", shape: [100], begin: 0, end: 400 });
  expect(header.dataOffset + header.dataBytes).toBe(bytes.length);
  expect(() => parseSafetensorsHeader(bytes.subarray(0, 12), "w", bytes.length)).toThrow(
    "expected a header of 176 bytes, got 4",
  );
});

describe("refuses in one line", () => {
  const one = entry("F32", "[2]", 0, 8);
  const cases: [string, Uint8Array, string][] = [
    ["an empty file", new Uint8Array(0), "expected at least 8 bytes, got 0"],
    ["a length beyond the file", file("{}", 0, 3), "expected a header of 3 bytes, got 2"],
    ["a huge length", file("{}", 0, 100_000_001), "expected a header of at most 100000000 bytes, got 100000001"],
    [
      "a length of 2^63",
      file("{}", 0, 2 ** 63),
      "expected a header of at most 100000000 bytes, got 9223372036854776000",
    ],
    ["an empty header", file(""), "does not start with {"],
    ["leading space", file(" {}"), "does not start with {"],
    ["a byte order mark", file("\ufeff{}"), "does not start with {"],
    ["a list", file("[]"), "does not start with {"],
    ["bytes that are not UTF-8", file(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d])), "not UTF-8"],
    ["broken JSON", file('{"a"\n:}'), "not valid JSON"],
    ["text after the object", file("{} x"), "not valid JSON"],
    ["zeros after the object", file("{}\0\0"), "not valid JSON"],
    ["a tensor twice", file(`{"a":${one},"a":${one}}`, 8), 'has the key "a" twice'],
    ["a tensor twice, once escaped", file(`{"a":${one},"\\u0061":${one}}`, 8), 'has the key "a" twice'],
    ["a field twice", file('{"a":{"dtype":"U8","dtype":"U8","shape":[],"data_offsets":[0,1]}}', 1), '"dtype" twice'],
    ["a note twice", file('{"__metadata__":{"k":"1","k":"2"}}'), '"k" twice'],
    ["two metadata", file('{"__metadata__":{},"__metadata__":{}}'), '"__metadata__" twice'],
    ["metadata that is no object", file('{"__metadata__":null}'), "__metadata__ is not an object"],
    ["a note that is no string", file('{"__metadata__":{"k":1}}'), '__metadata__ "k": expected a string, got 1'],
    ["half a surrogate in a note", file('{"__metadata__":{"k":"\\ud800"}}'), "not valid Unicode"],
    ["half a surrogate in a name", file(`{"\\udc00":${one}}`, 8), "not valid Unicode"],
    ["a tensor that is no object", file('{"a":[]}'), 'tensor "a" is not an object'],
    ["an unknown field", file(`{"a":${one.slice(0, -1)},"codec":1}}`, 8), 'unknown field "codec"'],
    [
      "an unknown dtype",
      file(`{"a":${entry("F12", "[1]", 0, 1)}}`, 1),
      'tensor "a": dtype: expected one of F64, I64, U64, F32, I32, U32, F16, BF16, I16, U16, I8, U8, BOOL, F8_E4M3, F8_E5M2, F8_E4M3FNUZ, F8_E5M2FNUZ, F8_E8M0, got "F12"',
    ],
    [
      "halves of bytes",
      file(`{"a":${entry("F4", "[2]", 0, 1)}}`, 1),
      'tensor "a": dtype "F4" is not supported: save tensor.float()',
    ],
    [
      "complex numbers",
      file(`{"a":${entry("C64", "[1]", 0, 8)}}`, 8),
      'tensor "a": dtype "C64" is not supported: save the real and the imaginary part, as torch.view_as_real(tensor) has them',
    ],
    [
      "a dtype from the prototype",
      file(`{"a":${entry("toString", "[1]", 0, 1)}}`, 1),
      'tensor "a": dtype: expected one of F64, I64, U64, F32, I32, U32, F16, BF16, I16, U16, I8, U8, BOOL, F8_E4M3, F8_E5M2, F8_E4M3FNUZ, F8_E5M2FNUZ, F8_E8M0, got "toString"',
    ],
    [
      "no dtype",
      file('{"a":{"shape":[],"data_offsets":[0,0]}}'),
      'tensor "a": dtype: expected one of F64, I64, U64, F32, I32, U32, F16, BF16, I16, U16, I8, U8, BOOL, F8_E4M3, F8_E5M2, F8_E4M3FNUZ, F8_E5M2FNUZ, F8_E8M0, got nothing',
    ],
    ["no shape", file('{"a":{"dtype":"U8","data_offsets":[0,0]}}'), "shape is not a list"],
    ["a fraction", file(`{"a":${entry("U8", "[1.5]", 0, 1)}}`, 1), "shape: expected integers >= 0, got 1.5"],
    ["a negative size", file(`{"a":${entry("U8", "[-1]", 0, 1)}}`, 1), "shape: expected integers >= 0, got -1"],
    ["a size in text", file(`{"a":${entry("U8", '["1"]', 0, 1)}}`, 1), 'shape: expected integers >= 0, got "1"'],
    [
      "a size of 2^53",
      file(`{"a":${entry("U8", "[9007199254740992]", 0, 1)}}`, 1),
      "shape: expected integers >= 0, got 9007199254740992",
    ],
    ["an overflowing product", file(`{"a":${entry("U8", "[4294967296,4294967296,0]", 0, 0)}}`), "more than 2^53"],
    [
      "no offsets",
      file('{"a":{"dtype":"U8","shape":[]}}'),
      'tensor "a": data_offsets: expected [begin, end], got nothing',
    ],
    [
      "three offsets",
      file('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0,0]}}'),
      'tensor "a": data_offsets: expected [begin, end], got [0,0,0]',
    ],
    [
      "offsets the wrong way",
      file(`{"a":${entry("U8", "[1]", 1, 0)}}`, 1),
      'tensor "a": data_offsets: expected 0 <= begin <= end, got [1,0]',
    ],
    [
      "a size that does not fit",
      file(`{"a":${entry("F32", "[2]", 0, 7)}}`, 7),
      'tensor "a": F32 [2]: expected 8 bytes, got 7 by data_offsets',
    ],
    ["a truncated file", file(`{"a":${one}}`, 7), "ends at byte 8, the file has 7"],
    ["a tail", file(`{"a":${one}}`, 9), "1 bytes after the last tensor"],
    ["a tail without tensors", file("{}", 3), "3 bytes after the last tensor"],
    ["a hole", file(`{"a":${one},"b":${entry("U8", "[1]", 9, 10)}}`, 10), '1 bytes before tensor "b"'],
    ["an overlap", file(`{"a":${one},"b":${entry("U8", "[4]", 4, 8)}}`, 8), 'tensor "b" starts at byte 4, inside'],
    ["an empty tensor inside another", file(`{"a":${one},"b":${entry("U8", "[0]", 4, 4)}}`, 8), "inside the tensor"],
  ];
  test.each(cases)("%s", (_what, bytes, message) => {
    expect(refusal(bytes)).toContain(message);
  });
});

test("refuses deep nesting without a stack overflow", () => {
  const deep = `{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
  expect(refusal(file(deep))).toBe("header nests deeper than 8 levels");
});

test("reads or refuses mutated files and never fails otherwise", () => {
  const valid = writeSafetensors(
    new Map<string, FileArrayInput>([
      ["a", { dtype: "F32", shape: [2, 2], data: new Float32Array([1, 2, 3, 4]) }],
      ["b", { dtype: "I64", shape: [], data: new BigInt64Array([5n]) }],
      ["c", { dtype: "BOOL", shape: [3], data: new Uint8Array([1, 0, 1]) }],
    ]),
    { note: "x" },
  );
  const text = new TextDecoder().decode(valid.subarray(8, parseSafetensorsHeader(valid).dataOffset));
  const check = (bytes: Uint8Array) => {
    let parsed: ReturnType<typeof parseSafetensors>;
    try {
      parsed = parseSafetensors(bytes, "f");
    } catch (error) {
      expect(error).toBeInstanceOf(SafetensorsError);
      expect((error as Error).message).toMatch(/^f: [^\r\n]+$/);
      return;
    }
    for (const { shape, data } of parsed.tensors.values()) expect(data.length).toBe(elementCount(shape));
  };
  const token = fc.constantFrom(
    ...'{}[]",:\\ 019-.eE\n\0\u2028',
    '"a"',
    "null",
    "1e400",
    "-0",
    '"F64"',
    "__proto__",
    "__metadata__",
    "[0,16]",
    "9007199254740993",
  );
  const edit = fc.tuple(fc.nat(text.length), fc.nat(6), token);
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      let header = text;
      for (const [at, cut, insert] of edits) header = header.slice(0, at) + insert + header.slice(at + cut);
      check(file(header, 27));
    }),
    { numRuns: 3000 },
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (edits) => {
      const bytes = valid.slice();
      for (const [at, value] of edits) bytes[at] = value;
      check(bytes);
    }),
    { numRuns: 2000 },
  );
  for (let size = 0; size < valid.length; size++) check(valid.subarray(0, size));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), check));
  fc.assert(fc.property(fc.json(), (json) => check(file(json, 4))));
});

test("finds a duplicate key in any spelling and at any depth", () => {
  expect(duplicateKey('{"a" : 1, "b":{"a":"a"}, "c":["a","a",{"x":1,"y":"\\"x\\":"}]}')).toBeNull();
  expect(duplicateKey('{"b":[{"k":1,"\\u006b"\n:2}]}')).toBe("k");
  fc.assert(fc.property(fc.jsonValue(), (value) => duplicateKey(JSON.stringify(value, null, 1)) === null));
});

test("refuses to write a file that cannot be read back", () => {
  const w: FileArrayInput = { dtype: "F32", shape: [1], data: new Float32Array(1) };
  expect(() => writeSafetensors(new Map([["__metadata__", w]]))).toThrow("cannot be named __metadata__");
  expect(() => writeSafetensors(new Map([["\ud800", w]]))).toThrow("not valid Unicode");
  expect(() => writeSafetensors(new Map([["w", { ...w, shape: [2] }]]))).toThrow(
    'tensor "w": shape [2]: expected 2 elements, got 1',
  );
  expect(() => writeSafetensors(new Map(), { k: 1 as unknown as string }, "x")).toThrow(
    'x: metadata "k": expected a string, got 1',
  );
});

test("refuses a header of brackets before parsing, but not brackets in strings", () => {
  const file = (json: string) => {
    const header = new TextEncoder().encode(json);
    const bytes = new Uint8Array(8 + header.length);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
    bytes.set(header, 8);
    return bytes;
  };
  const deep = (n: number) => `{"a":${"[".repeat(n)}${"]".repeat(n)}}`;
  expect(() => parseSafetensors(file(deep(1_000_000)), "f")).toThrow("f: header nests deeper than 8 levels");
  expect(() => parseSafetensors(file(deep(3)), "f")).toThrow('tensor "a" is not an object');
  const metadata = { a: "[[[[[[[[[[[[", b: '\\"{{{{{{{{{{{{' };
  expect(parseSafetensors(file(JSON.stringify({ __metadata__: metadata })), "f").metadata.get("a")).toBe(metadata.a);
});
