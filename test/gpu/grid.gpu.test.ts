import { describe, expect, test } from "vitest";
import { grid1d, kernel } from "../../src/gpu/index.ts";
import { Scope, tensor, zeros } from "../../src/tensor/index.ts";

/** What every tutorial of WebGPU begins with: one element an invocation, found by global_invocation_id. */
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

describe("a shader with one element an invocation covers all of them", () => {
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

test("a shader that takes several elements an invocation says how many", async () => {
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
  several.run({ bind: { x, y }, grid: grid1d(n, 128) });
  expect((await y.data()).every((v) => v === 4)).toBe(true);
});

test("a grid that would leave elements out is refused", () => {
  using _scope = new Scope();
  const bind = { x: zeros([4]), y: zeros([4]) };
  expect(() => kernels["64"].run({ bind, grid: grid1d(1000, 256) })).toThrow(
    /^kernel test_tutorial_64: grid1d\(1000, 256\) counts 256 elements a workgroup, but @workgroup_size has 64 along x/,
  );
  expect(() => kernels["64"].run({ bind, grid: grid1d(65535 * 64 + 1) })).toThrow(
    /4194241 elements need 65536 workgroups, more than 65535 along x: the grid folds into 32768 x 2, but the shader does not read num_workgroups/,
  );
  expect(() => kernels["64"].run({ bind, grid: [65536] })).toThrow(/wants 1 to 65535 workgroups/);
});
