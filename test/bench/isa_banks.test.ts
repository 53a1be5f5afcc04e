// The bank model: wavefronts of given addresses, and of shaders whose conflicts are known.
import { describe, expect, test } from "vitest";
import { bankReports, wavefronts } from "../../bench/isa/banks.ts";
import { workgroupOf } from "../../bench/isa/workgroup.ts";

const lanes = (count: number, bytes: number, address: (lane: number) => number) =>
  Array.from({ length: count }, (_, lane) => ({ address: address(lane), bytes }));

describe("wavefronts of a warp", () => {
  test.each([
    ["neighbours", 4, (l: number) => 4 * l, 1],
    ["one word for all", 4, () => 64, 1],
    ["a stride of 2 words", 4, (l: number) => 8 * l, 2],
    ["a stride of 32 words", 4, (l: number) => 128 * l, 32],
    ["a stride of 33 words", 4, (l: number) => 132 * l, 1],
    ["neighbouring pairs, in halves", 8, (l: number) => 8 * l, 2],
    ["neighbouring quads, in quarters", 16, (l: number) => 16 * l, 4],
    ["quads 512 bytes apart", 16, (l: number) => 512 * l, 32],
    ["quads 528 bytes apart", 16, (l: number) => 528 * l, 4],
    ["halves of words", 2, (l: number) => 2 * l, 1],
  ])("%s", (_name, bytes, address, expected) => {
    expect(wavefronts(lanes(32, bytes, address))).toBe(expected);
  });
});

const shader = (declarations: string, body: string, size = "64") => `
const ROWS: u32 = 32u;
struct Params { n: u32, along: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<uniform> params: Params;
${declarations}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32,
        @builtin(local_invocation_id) id: vec3<u32>) {
${body}
}`;
const TILE = "var<workgroup> tile: array<f32, 2048>;";
const summary = (code: string) =>
  bankReports(code).map((r) => `${r.array} ${r.access}${r.inLoop ? " in loop" : ""} ${r.wavefronts}/${r.ideal}`);

test("a stride of 32 words has 32 wavefronts", () => {
  expect(summary(shader(TILE, "tile[lane * ROWS] = 0.0;"))).toEqual(["tile store 32/1"]);
});

test("constants, functions, vectors and swizzles of indices are followed", () => {
  const declarations = `${TILE}
fn place(e: u32) -> vec2<u32> { return vec2<u32>(e / ROWS, e % ROWS); }`;
  const body = `let at = place(lane).yx;
let v = tile[at.y * ROWS + at.x] + tile[at.x * ROWS];`;
  expect(summary(shader(declarations, body))).toEqual(["tile load 32/1"]);
});

test("a loop with constant bounds counts each turn, one with unknown bounds three turns", () => {
  const body = `for (var k = 0u; k < params.n; k += 4u) {
  for (var i = 0u; i < 4u; i++) { tile[i * 64u + lane] = x[k]; }
}`;
  const [report] = bankReports(shader(TILE, body));
  expect(report).toMatchObject({ access: "store", inLoop: true, wavefronts: 1, ideal: 1, total: 12, totalIdeal: 12 });
});

test("of an unknown condition the worse side counts, in branches and in select", () => {
  const branch = "if (params.along == 1u) { tile[lane * 32u] = 0.0; } else { tile[lane] = 0.0; }";
  const choice = "tile[select(lane, lane * 32u, params.along == 1u)] = 0.0;";
  expect(summary(shader(TILE, branch))).toEqual(["tile store 32/1"]);
  expect(summary(shader(TILE, choice))).toEqual(["tile store 32/1"]);
});

test("an unknown condition that leaves the function does not end the run", () => {
  expect(summary(shader(TILE, "if (lane >= params.n) { return; } tile[lane] = 0.0;"))).toEqual(["tile store 1/1"]);
});

test("an unknown offset that is the same in all lanes leaves the access out", () => {
  expect(summary(shader(TILE, "tile[params.n + lane] = 0.0;"))).toEqual([]);
});

test("one component of a vector is an access of its size", () => {
  const declarations = "var<workgroup> quads: array<vec4<f32>, 512>;";
  expect(bankReports(shader(declarations, "let v = quads[lane].y;"))[0]).toMatchObject({ bytes: 4, wavefronts: 4 });
  expect(bankReports(shader(declarations, "let v = quads[lane];"))[0]).toMatchObject({
    bytes: 16,
    wavefronts: 4,
    ideal: 4,
  });
});

test("variables, arrays, pointers and structs of a function are followed", () => {
  const declarations = `${TILE}
struct At { row: u32, column: u32 }
fn store(at: ptr<function, u32>) { *at = *at * 2u; tile[*at] = 0.0; }`;
  const body = `var place: array<u32, 2>;
place[1] = lane;
let at = At(place[1], 3u);
var index = at.row;
store(&index);
index = (index >> 1u) & 31u;
tile[index] += 1.0;`;
  expect(summary(shader(declarations, body)).sort()).toEqual(["tile load 1/1", "tile store 2/1"]);
});

test("a workgroup of two dimensions numbers its lanes by x first", () => {
  expect(summary(shader(TILE, "tile[id.y * 32u + id.x] = 0.0;", "16, 4"))).toEqual(["tile store 2/1"]);
});

test("sizes of a workgroup are read from constants, aliases and halves included", () => {
  const declarations = `alias Item = vec4<f16>;
var<workgroup> a: array<Item, ROWS * 2u>;
var<workgroup> b: array<f32, max(8u, min(16u, ROWS))>;
var<workgroup> flag: u32;`;
  expect(workgroupOf(shader(declarations, "", "16, 2u * 4u"))).toEqual({
    lanes: 128,
    size: [16, 8, 1],
    sharedBytes: 580,
  });
});

test("a shader without workgroup memory has no reports", () => {
  expect(bankReports(shader("", "let v = x[lane];"))).toEqual([]);
});

test("unknown syntax is a SyntaxError", () => {
  expect(() => bankReports(shader(TILE, "tile[lane] = ) 0.0;"))).toThrow(SyntaxError);
});
