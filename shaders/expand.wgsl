// y = x · scale repeated along axes where x has size 1. Elements are found as in binary.wgsl.
//!include "lib/index.wgsl"
//!include "lib/broadcast.wgsl"
struct Params { size0: vec4<u32>, size1: vec4<u32>, a0: vec4<u32>, a1: vec4<u32>, b0: vec4<u32>, b1: vec4<u32>, n: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let start = flat_group(group, groups) * 128u + lane;
  for (var k = 0u; k < 2u; k++) {
    let i = start + k * 64u;
    if (i * 4u < params.n) {
      var at = broadcast_offsets(i * 4u, params.size0, params.size1, params.a0, params.a1, params.b0, params.b1);
      var inner = (i * 4u) % params.size1.y;
      var r: vec4<f32>;
      for (var c = 0u; c < 4u; c++) {
        r[c] = x[at.x] * params.scale;
        inner++;
        at.x += params.a1.y;
        if (inner == params.size1.y) {
          inner = 0u;
          at = broadcast_offsets(i * 4u + c + 1u, params.size0, params.size1, params.a0, params.a1, params.b0, params.b1);
        }
      }
      if (i * 4u + 4u <= params.n) {
        y[i] = r;
      } else {
        for (var c = 0u; c < params.n % 4u; c++) {
          y[i][c] = r[c];
        }
      }
    }
  }
}
