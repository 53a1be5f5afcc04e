// target += x, eight Items per invocation.
//!include "lib/index.wgsl"
alias Item = vec4<f32>;                  //!spec   f32, or vec4<f32> where the length is a multiple of four
struct Params { n: u32 }                 // Items
@group(0) @binding(0) var<storage, read> x: array<Item>;
@group(0) @binding(1) var<storage, read_write> target_: array<Item>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let start = flat_group(group, groups) * 512u + lane;
  for (var k = 0u; k < 8u; k++) {
    let i = start + k * 64u;
    if (i < params.n) {
      target_[i] += x[i];
    }
  }
}
