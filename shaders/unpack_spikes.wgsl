// The way back from pack_spikes.wgsl: number 32 i + j is bit j of word i.
//!include "lib/index.wgsl"
const ROUNDS: u32 = 4u;
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>; // [n], up to a whole vec4, whose rest stays 0
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let first = flat_group(group, groups) * (64u * ROUNDS) + lane;
  for (var round = 0u; round < ROUNDS; round++) {
    let i = first + round * 64u;
    if (4u * i < params.n) {
      let bits = (vec4<u32>(x[i / 8u] >> (i % 8u * 4u)) >> vec4<u32>(0u, 1u, 2u, 3u)) & vec4<u32>(1u);
      y[i] = select(vec4<f32>(0.0), vec4<f32>(bits), vec4<u32>(4u * i) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(params.n));
    }
  }
}
