import { expect, test } from "vitest";
import hyperWgsl from "../../shaders/lib/hyper.wgsl";
import { readStruct } from "../../src/gpu/index.ts";

const text = `struct Item { at: vec2<f32>, n: u32 }
struct Head {
  n: u32,                   // a comment, with a comma
  bias: vec3<f32>,
  shift: i32,
  items: array<Item>,
}`;

test("packs values by field name, with WGSL's offsets", () => {
  const head = readStruct("demo", text, "Head");
  const words = head.pack({ n: 7, bias: [0.5, 1, 2], shift: -1 });
  expect(words.length).toBe(8);
  const floats = new Float32Array(words.buffer);
  expect([words[0], ...floats.slice(4, 7), words[7]]).toEqual([7, 0.5, 1, 2, 0xffffffff]);
  expect([head.wordOf("n"), head.wordOf("bias"), head.wordOf("shift")]).toEqual([0, 4, 7]);
});

test("writes the named fields only, at an offset", () => {
  const item = readStruct("demo", text, "Item");
  expect([item.bytes, item.align]).toEqual([16, 8]);
  const words = new Uint32Array(8).fill(9);
  item.write(words, { n: 3, at: undefined }, 4);
  expect([...words]).toEqual([9, 9, 9, 9, 9, 9, 3, 9]);
});

test("refuses missing and unknown fields and values that do not fit", () => {
  const item = readStruct("demo", text, "Item");
  expect(() => item.pack({ n: 1 })).toThrow("kernel demo: Item.at: expected 2 f32, got undefined");
  expect(() => item.pack({ n: -1, at: [1, 2] })).toThrow("kernel demo: Item.n: expected u32, got -1");
  expect(() => item.pack({ n: 1, at: [1, 2], m: 1 })).toThrow("kernel demo: Item: expected a field of at, n, got m");
  expect(() => item.wordOf("m")).toThrow("kernel demo: Item: expected a field of at, n, got m");
  const array = "struct S { first: array<f32>, n: u32 }";
  expect(() => readStruct("demo", array, "S")).toThrow(
    'S: expected a 32-bit scalar or vector, got field "first: array<f32>"',
  );
});

test("reads the optimiser's Hyper buffer with its tail of layers", () => {
  const hyper = readStruct("hyper", hyperWgsl, "Hyper");
  expect([hyper.bytes, hyper.wordOf("lr"), hyper.wordOf("step")]).toEqual([64, 0, 15]);
  expect(readStruct("hyper", hyperWgsl, "LayerThreshold").bytes).toBe(32);
});
