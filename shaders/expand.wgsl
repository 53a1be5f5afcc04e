// y = x · scale repeated along axes where x has size 1.
//!include "lib/index.wgsl"
//!include "lib/broadcast.wgsl"
struct Params { size0: vec4<u32>, size1: vec4<u32>, a0: vec4<u32>, a1: vec4<u32>, b0: vec4<u32>, b1: vec4<u32>, n: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let start = flat_group(group, groups) * 512u + lane;
  for (var k = 0u; k < 8u; k++) {
    let i = start + k * 64u;
    if (i < params.n) {
      let at = broadcast_offsets(i, params.size0, params.size1, params.a0, params.a1, params.b0, params.b1);
      y[i] = x[at.x] * params.scale;
    }
  }
}
