// y = f(a, b) with broadcasting; the table of src/ops/binary.ts has the functions. FAST: equal shapes. Otherwise sizes and
// strides of up to six merged axes locate each element; a stride of 0 repeats.
//!include "lib/quads.wgsl"
//!include "lib/broadcast.wgsl"
//!include "lib/nonfinite.wgsl"
const FAST: bool = true;                 //!spec
const ITEMS_PER_INVOCATION: u32 = 8u;
struct Params { size0: vec4<u32>, size1: vec4<u32>, a0: vec4<u32>, a1: vec4<u32>, b0: vec4<u32>, b1: vec4<u32>, n: u32 }
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> result: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

fn f(u: vec4<f32>, v: vec4<f32>) -> vec4<f32> { return u + v; }  //!spec

fn quad(i: u32) -> vec4<f32> {
  var u: vec4<f32>;
  var v: vec4<f32>;
  if (FAST) {
    u = a[i];
    v = b[i];
  } else {
    let at = broadcast_quad(i);
    for (var c = 0u; c < 4u; c++) {
      u[c] = a[at[c].x / 4u][at[c].x % 4u];
      v[c] = b[at[c].y / 4u][at[c].y % 4u];
    }
  }
  return f(u, v);
}
