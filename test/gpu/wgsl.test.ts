import fc from "fast-check";
import { expect, test } from "vitest";
import binary from "../../shaders/binary.wgsl";
import binaryGrad from "../../shaders/binary_grad.wgsl";
import lif from "../../shaders/lif.wgsl";
import unary from "../../shaders/unary.wgsl";
import unaryGrad from "../../shaders/unary_grad.wgsl";
import { applySpec, readHeader, type SpecValue } from "../../src/gpu/wgsl.ts";

const shader = `// A comment that names @group(0) @binding(9) var<storage, read> ghost: array<f32>;
const WG: u32 = 64u;                //!spec   workgroup size
const SHIFT: i32 = -1i;             //!spec
const INVERSE: bool = false;        //!spec   which way
const SLOPE: f32 = 0.5;             //!spec
alias elem = f32;                   //!spec   f16 where there is some
const FIXED: u32 = 3u;
struct Params { n: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<elem>;
@group(0) @binding(1) var<storage, read_write> y: array<elem>;
@group(0) @binding(2) var<uniform> params: Params;
@compute @workgroup_size(WG, 2)
fn main() {}
`;
const specialised = (spec: Record<string, SpecValue>) => applySpec("demo", shader, spec);

test("without a spec the text is as it lies", () => {
  expect(specialised({})).toBe(shader);
});

test("a spec replaces the value and nothing else, typed as the line says", () => {
  const out = specialised({ WG: 128, SHIFT: -7, INVERSE: true, SLOPE: 2, elem: "f16" });
  expect(out).toContain("const WG: u32 = 128u;                //!spec   workgroup size");
  expect(out).toContain("const SHIFT: i32 = -7i;");
  expect(out).toContain("const INVERSE: bool = true;");
  expect(out).toContain("const SLOPE: f32 = f32(2);");
  expect(out).toContain("alias elem = f16;");
  // A text that uses f16 enables it in a line before the first.
  expect(out.split("\n")[0]).toBe("enable f16;");
  expect(out.split("\n").slice(7)).toEqual(shader.split("\n").slice(6));
});

test("any u32 comes out as its literal, and specialising twice is specialising by the second", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), (a, b) => {
      expect(specialised({ WG: a })).toContain(`const WG: u32 = ${a}u;`);
      expect(applySpec("demo", specialised({ WG: a }), { WG: b })).toBe(specialised({ WG: b }));
    }),
  );
});

test.each<[Record<string, SpecValue>, RegExp]>([
  [{ FIXED: 4 }, /^kernel demo: \/\/!spec: expected one of WG, SHIFT, INVERSE, SLOPE, elem, got FIXED$/],
  [{ WG: -1 }, /spec WG: expected u32, got -1/],
  [{ WG: 1.5 }, /spec WG: expected u32, got 1.5/],
  [{ WG: "64" }, /spec WG: expected u32, got 64/],
  [{ SHIFT: 0.5 }, /spec SHIFT: expected i32, got 0.5/],
  [{ INVERSE: 1 }, /spec INVERSE: expected bool, got 1/],
  [{ SLOPE: Number.NaN }, /spec SLOPE: expected f32, got NaN/],
  [{ SLOPE: true }, /spec SLOPE: expected f32, got true/],
])("%j is refused", (spec, message) => {
  expect(() => specialised(spec)).toThrow(message);
});

test("a shader without spec lines says so", () => {
  expect(() => applySpec("plain", "fn main() {}", { N: 1 })).toThrow("//!spec: expected one of none, got N");
});

test("f16 is enabled only where the text uses it, comments aside", () => {
  const text = "alias Act = f32; //!spec   or f16\nfn a(x: Act) {}\n";
  expect(applySpec("demo", text, {})).toBe(text);
  expect(applySpec("demo", text, { Act: "f16" })).toMatch(/^enable f16;\nalias Act = f16;/);
});

test("enable directives move to the front, each once", () => {
  const text = "// head\nfn a() {}\nenable subgroups; // for sums\nenable f16;\nfn b() {}\nenable subgroups;\n";
  expect(applySpec("demo", text, {})).toBe("enable subgroups;\nenable f16;\n// head\nfn a() {}\nfn b() {}\n");
});

test("the header gives bindings, Params and workgroup size; comments are not code", () => {
  const header = readHeader("demo", shader);
  expect(header.bindings).toEqual([
    { name: "x", index: 0, kind: "read-only-storage" },
    { name: "y", index: 1, kind: "storage" },
    { name: "params", index: 2, kind: "uniform" },
  ]);
  expect(header.params.fields).toEqual([
    { name: "n", scalar: "u32", width: 1, offset: 0 },
    { name: "scale", scalar: "f32", width: 1, offset: 4 },
  ]);
  expect(header.params.bytes).toBe(8);
  expect(header.workgroupSize).toEqual(["WG", "2", "1"]);
});

test("storage without an access mode is read-only, as in WGSL", () => {
  const { bindings } = readHeader("demo", "@group(0) @binding(3) var<storage> x: array<u32>;");
  expect(bindings).toEqual([{ name: "x", index: 3, kind: "read-only-storage" }]);
});

// Offsets by WGSL's rules: vec2 on 8 bytes, vec3 and vec4 on 16, vec3 ends after 12, the struct on its widest member.
test("Params lays vectors out as WGSL does", () => {
  const text = "struct Params { a: u32, b: vec2<f32>, c: vec3<u32>, d: f32, e: vec4<i32>, f: i32, }";
  const { params } = readHeader("demo", text);
  expect(params.fields.map((p) => [p.name, p.offset, p.width])).toEqual([
    ["a", 0, 1],
    ["b", 8, 2],
    ["c", 16, 3],
    ["d", 28, 1],
    ["e", 32, 4],
    ["f", 48, 1],
  ]);
  expect(params.bytes).toBe(64);
  expect(readHeader("demo", "struct Params { a: u32, b: vec2<u32>, c: f32 }").params.bytes).toBe(24);
});

test("a Params field that cannot be packed is refused by name", () => {
  expect(() => readHeader("demo", "struct Params { n: u32, m: mat2x2<f32> }")).toThrow(
    'kernel demo: Params: expected a 32-bit scalar or vector, got field "m: mat2x2<f32>"',
  );
});

test("a const_assert that does not hold is an error at the call", () => {
  const text = "const OP: u32 = 0u; //!spec\nconst_assert OP <= 2u;\n";
  expect(() => applySpec("demo", text, { OP: 2 })).not.toThrow();
  expect(() => applySpec("demo", text, { OP: 3 })).toThrow(
    "kernel demo: const_assert OP <= 2u does not hold (OP = 3): no case for this value",
  );
});

const table = "fn f(v: f32) -> f32 { return v; }         //!spec   the row\nfn g(v: f32) -> f32 { return f(v); }\n";

test("a spec replaces the body of a function: an expression, or statements that return", () => {
  const out = applySpec("demo", table, { f: "v * exp(-v)" });
  expect(out).toBe(table.replace("return v;", "return v * exp(-v);"));
  expect(applySpec("demo", out, { f: "2.0" })).toContain(
    "fn f(v: f32) -> f32 { return 2.0; }         //!spec   the row",
  );
  const block = "let s = exp(v);\n  if (s > 1.0) { return v; }\n  return s;";
  expect(applySpec("demo", table, { f: block })).toContain("{ let s = exp(v); if (s > 1.0) { return v; } return s; }");
});

test.each<[Record<string, SpecValue>, RegExp]>([
  [{ g: "v" }, /\/\/!spec: expected one of f, got g$/],
  [{ f: 3 }, /spec f: expected a WGSL expression, got 3/],
  [{ f: " " }, /spec f: expected a WGSL expression, got /],
])("refuses %j as the body of a function", (spec, message) => {
  expect(() => applySpec("demo", table, spec)).toThrow(message);
});

test("the shaders of tables splice their functions, and keep no numbered cases", () => {
  for (const text of [unary, unaryGrad, binary, binaryGrad, lif]) {
    expect(text).toMatch(/^fn \w+\(.*\) -> .*\/\/!spec/m);
    expect(text).not.toMatch(/\bcase \d+u/);
  }
});

test("reads short names of vectors, and no code in comments", () => {
  const text = `/* struct Params { a: mat2x2f } /* nested */ @group(0) @binding(7) var<storage> ghost: array<u32>; */
struct Params { v: vec4f, /* w: f32, */ n: vec2u, i: vec3<i32>, }
@group(0) @binding(0) var<uniform> params: Params;`;
  const { params, bindings } = readHeader("demo", text);
  expect(params.fields.map(({ name, scalar, width, offset }) => [name, scalar, width, offset])).toEqual([
    ["v", "f32", 4, 0],
    ["n", "u32", 2, 16],
    ["i", "i32", 3, 32],
  ]);
  expect(bindings.map(({ name }) => name)).toEqual(["params"]);
});
