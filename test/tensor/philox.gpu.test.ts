import { expect, test } from "vitest";
import philoxWgsl from "../../shaders/lib/philox.wgsl";
import { grid1d, kernel } from "../../src/gpu/index.ts";
import { empty, Scope, tensor } from "../../src/tensor/index.ts";
import { philox4x32, uniform01 } from "../../src/tensor/philox.ts";

const probe = kernel(
  "philox_probe",
  `${philoxWgsl}
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> words: array<u32>; // 6 each: counter, key
@group(0) @binding(1) var<storage, read_write> bits: array<u32>; // 4 each
@group(0) @binding(2) var<storage, read_write> floats: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.n) { return; }
  let at = id.x * 6u;
  let counter = vec4<u32>(words[at], words[at + 1u], words[at + 2u], words[at + 3u]);
  let u = philox4x32(counter, vec2<u32>(words[at + 4u], words[at + 5u]));
  for (var i = 0u; i < 4u; i++) {
    bits[id.x * 4u + i] = u[i];
    floats[id.x * 4u + i] = uniform01(u[i]);
  }
}`,
);

test("the shader gives the published answers, and the CPU twin's for other words", async () => {
  using _scope = new Scope();
  const pi = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0];
  const n = 1000;
  const words = Uint32Array.from({ length: n * 6 }, (_, i) => Math.imul(i, 0x9e3779b9) ^ (i >>> 3));
  words.set([0, 0, 0, 0, 0, 0, ...Array(6).fill(0xffffffff), ...pi]);
  const bits = empty([n * 4], "u32");
  const floats = empty([n * 4]);
  probe.run({ bind: { words: tensor(words), bits, floats }, params: { n }, grid: grid1d(n) });
  const got = await bits.data();
  expect([...got.subarray(0, 12)]).toEqual([
    0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd, 0xd16cfe09,
    0x94fdcceb, 0x5001e420, 0x24126ea1,
  ]);
  const want: number[] = [];
  for (let i = 0; i < words.length; i += 6) {
    const [a, b, c, d, k0, k1] = words.subarray(i, i + 6) as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    want.push(...philox4x32([a, b, c, d], [k0, k1]));
  }
  expect([...got]).toEqual(want);
  expect([...(await floats.data())]).toEqual(want.map(uniform01));
});
