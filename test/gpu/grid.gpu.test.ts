import { describe, expect, test } from "vitest";
import { resolveGrid } from "../../src/gpu/grid.ts";
import { grid1d, groups1d, kernel } from "../../src/gpu/index.ts";
import { Scope, tensor, zeros } from "../../src/tensor/index.ts";

/** The first shader of every WebGPU tutorial: one element per invocation, indexed by global_invocation_id. */
const tutorial = (size: string) => `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(${size})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= arrayLength(&x)) { return; }
  y[id.x] = 2.0 * x[id.x];
}`;

const kernels = {
  "64": kernel("test_tutorial_64", tutorial("64")),
  "256": kernel("test_tutorial_256", tutorial("256")),
  "1": kernel("test_tutorial_1", tutorial("1")),
  "8, 8": kernel("test_tutorial_8_8", tutorial("8, 8")),
  SIZE: kernel("test_tutorial_const", `const SIZE: u32 = 16u * 2u;\n${tutorial("SIZE")}`),
};

describe("a shader with one element per invocation covers all elements", () => {
  test.each(Object.entries(kernels))("@workgroup_size(%s)", async (_, each) => {
    for (const n of [1, 63, 64, 65, 255, 257, 1000, 5000]) {
      using _scope = new Scope();
      const x = tensor(Float32Array.from({ length: n }, (_, i) => i + 1));
      const y = zeros([n]);
      each.run({ bind: { x, y }, grid: grid1d(n) });
      expect([...(await y.data())]).toEqual(Array.from({ length: n }, (_, i) => 2 * (i + 1)));
    }
  });
});

test("a shader declares the number of elements per invocation", async () => {
  const several = kernel(
    "test_several",
    `const ITEMS_PER_INVOCATION: u32 = 4u;
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  for (var i = id.x * ITEMS_PER_INVOCATION; i < min(arrayLength(&x), (id.x + 1u) * ITEMS_PER_INVOCATION); i++) {
    y[i] += 2.0 * x[i];
  }
}`,
  );
  using _scope = new Scope();
  const n = 1001;
  const x = tensor(new Float32Array(n).fill(1));
  const y = zeros([n]);
  several.run({ bind: { x, y }, grid: grid1d(n) });
  expect((await y.data()).every((v) => v === 2)).toBe(true);
});

const unfolding = (size: number, items: number) => `
const ITEMS_PER_INVOCATION: u32 = ${items}u;
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let start = (group.x + group.y * groups.x) * ${size}u * ITEMS_PER_INVOCATION + lane;
  for (var k = 0u; k < ITEMS_PER_INVOCATION; k++) {
    let i = start + k * ${size}u;
    if (i < arrayLength(&x)) { y[i] += 2.0 * x[i]; }
  }
}`;

describe("a shader that counts workgroups covers every element once", () => {
  test.each([
    [1, 1],
    [32, 1],
    [64, 1],
    [256, 1],
    [32, 3],
    [64, 4],
    [128, 16],
  ])("%i invocations of %i items", async (size, items) => {
    const each = kernel(`test_unfolding_${size}_${items}`, unfolding(size, items));
    for (const n of [1, 255, 256, 257, 1000, 4099]) {
      using _scope = new Scope();
      const x = tensor(Float32Array.from({ length: n }, (_, i) => i + 1));
      const y = zeros([n]);
      each.run({ bind: { x, y }, grid: grid1d(n) });
      expect([...(await y.data())]).toEqual(Array.from({ length: n }, (_, i) => 2 * (i + 1)));
    }
  });
});

const covers = (perGroup: number, unfolds = true) => ({ perGroup, unfolds });

test("a grid has as many workgroups as the shader needs, and at least one", () => {
  expect(resolveGrid("k", grid1d(1), covers(256))).toEqual([1, 1, 1]);
  expect(resolveGrid("k", grid1d(0), covers(256))).toEqual([1, 1, 1]);
  expect(resolveGrid("k", grid1d(65535 * 256), covers(256))).toEqual([65535, 1, 1]);
  expect(resolveGrid("k", grid1d(65535 * 256 + 1), covers(256))).toEqual([32768, 2, 1]);
  expect(resolveGrid("k", groups1d(65536), covers(256))).toEqual([32768, 2, 1]);
  for (const n of [2 ** 24 + 1, 2 ** 28, 2 ** 30]) {
    const [x, y] = resolveGrid("k", grid1d(n), covers(64));
    expect(Math.max(x, y)).toBeLessThanOrEqual(65535);
    expect(x * y * 64).toBeGreaterThanOrEqual(n);
  }
});

test("a grid that would leave elements out is refused", () => {
  using _scope = new Scope();
  const bind = { x: zeros([4]), y: zeros([4]) };
  const message =
    /^kernel test_tutorial_64: expected at most 65535 workgroups of a shader that does not read num_workgroups, got 65536: index with flat_group/;
  expect(() => kernels["64"].run({ bind, grid: grid1d(65535 * 64 + 1) })).toThrow(message);
  expect(() => kernels["64"].run({ bind, grid: groups1d(65536) })).toThrow(message);
  expect(() => kernels["64"].run({ bind, grid: [65536] })).toThrow(
    "grid: expected 1 to 65535 workgroups along each axis, got [65536, 1, 1]",
  );
});
