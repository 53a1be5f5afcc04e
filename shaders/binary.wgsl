// y = a OP b with broadcasting. FAST: equal shapes. Otherwise sizes and strides of up to six merged axes tell where each
// element comes from; a stride of 0 repeats. An invocation makes two times four neighbours and walks along the innermost
// axis between them, so that most elements need no division.
//!include "lib/index.wgsl"
//!include "lib/broadcast.wgsl"
//!include "lib/nonfinite.wgsl"
const OP: u32 = 0u;                      //!spec   add, sub, mul, div, maximum, minimum
const_assert OP <= 5u;
const FAST: bool = true;                 //!spec
struct Params { size0: vec4<u32>, size1: vec4<u32>, a0: vec4<u32>, a1: vec4<u32>, b0: vec4<u32>, b1: vec4<u32>, n: u32 }
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

fn f(u: vec4<f32>, v: vec4<f32>) -> vec4<f32> {
  switch (OP) {
    case 0u: { return u + v; }
    case 1u: { return u - v; }
    case 2u: { return u * v; }
    case 3u: { return u / v; }
    case 4u: { return carried4(carried4(max(u, v), u), v); }
    default: { return carried4(carried4(min(u, v), u), v); }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let start = flat_group(group, groups) * 128u + lane;
  for (var k = 0u; k < 2u; k++) {
    let i = start + k * 64u;
    if (i * 4u < params.n) {
      var u: vec4<f32>;
      var v: vec4<f32>;
      if (FAST) {
        u = a[i];
        v = b[i];
      } else {
        var at = broadcast_offsets(i * 4u, params.size0, params.size1, params.a0, params.a1, params.b0, params.b1);
        var inner = (i * 4u) % params.size1.y;
        for (var c = 0u; c < 4u; c++) {
          u[c] = a[at.x / 4u][at.x % 4u];
          v[c] = b[at.y / 4u][at.y % 4u];
          inner++;
          at += vec2(params.a1.y, params.b1.y);
          if (inner == params.size1.y) {
            inner = 0u;
            at = broadcast_offsets(i * 4u + c + 1u, params.size0, params.size1, params.a0, params.a1, params.b0, params.b1);
          }
        }
      }
      let r = f(u, v);
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
