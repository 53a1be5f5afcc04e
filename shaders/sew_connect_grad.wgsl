// Both gradients of sew_connect.wgsl's AND and IAND, or one of them. An invocation makes two times four neighbours of each.
//!include "lib/index.wgsl"
const CONNECT: u32 = 1u;                 //!spec   1 AND, 2 IAND
const_assert CONNECT == 1u || CONNECT == 2u;
const TO_IDENTITY: bool = true;          //!spec
const TO_OUT: bool = true;               //!spec
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> identity: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> out: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> d_identity: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> d_out: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let inverse = CONNECT == 2u;
  let start = flat_group(group, groups) * 128u + lane;
  for (var k = 0u; k < 2u; k++) {
    let i = start + k * 64u;
    if (i * 4u < params.n) {
      let up = dy[i];
      let count = min(params.n - i * 4u, 4u);
      if (TO_IDENTITY) {
        let r = up * select(out[i], 1.0 - out[i], inverse);
        if (count == 4u) {
          d_identity[i] = r;
        } else {
          for (var c = 0u; c < count; c++) {
            d_identity[i][c] = r[c];
          }
        }
      }
      if (TO_OUT) {
        let r = up * select(identity[i], -identity[i], inverse);
        if (count == 4u) {
          d_out[i] = r;
        } else {
          for (var c = 0u; c < count; c++) {
            d_out[i][c] = r[c];
          }
        }
      }
    }
  }
}
