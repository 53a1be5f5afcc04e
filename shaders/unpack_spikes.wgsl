// Inverts pack_spikes.wgsl: number 32 i + j is bit j of word i.
//!include "lib/quads.wgsl"
const ITEMS_PER_INVOCATION: u32 = 16u;
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> result: array<vec4<Act>>; // [n]
@group(0) @binding(2) var<uniform> params: Params;

fn quad(i: u32) -> vec4<f32> {
  let bits = (vec4<u32>(x[i / 8u] >> (i % 8u * 4u)) >> vec4<u32>(0u, 1u, 2u, 3u)) & vec4<u32>(1u);
  return vec4<f32>(bits);
}
