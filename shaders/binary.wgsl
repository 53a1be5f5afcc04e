// y = a OP b with broadcasting. FAST: equal shapes. Otherwise sizes and strides of up to six merged axes tell where each
// element comes from; a stride of 0 repeats.
//!include "lib/index.wgsl"
//!include "lib/broadcast.wgsl"
const OP: u32 = 0u;                      //!spec   add, sub, mul, div, maximum, minimum
const FAST: bool = true;                 //!spec
struct Params { size0: vec4<u32>, size1: vec4<u32>, a0: vec4<u32>, a1: vec4<u32>, b0: vec4<u32>, b1: vec4<u32>, n: u32 }
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

fn f(u: f32, v: f32) -> f32 {
  switch (OP) {
    case 0u: { return u + v; }
    case 1u: { return u - v; }
    case 2u: { return u * v; }
    case 3u: { return u / v; }
    case 4u: { return max(u, v); }
    default: { return min(u, v); }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let start = flat_group(group, groups) * 512u + lane;
  for (var k = 0u; k < 8u; k++) {
    let i = start + k * 64u;
    if (i < params.n) {
      if (FAST) {
        y[i] = f(a[i], b[i]);
      } else {
        let at = broadcast_offsets(i, params.size0, params.size1, params.a0, params.a1, params.b0, params.b1);
        y[i] = f(a[at.x], b[at.y]);
      }
    }
  }
}
