// y = x · scale repeated along axes where x has size 1. Elements are found as in binary.wgsl.
//!include "lib/quads.wgsl"
//!include "lib/broadcast.wgsl"
const WIDE: bool = false;                //!spec   ROWS: whether x is read by quads; else one element is repeated
const ITEMS_PER_INVOCATION: u32 = 16u;   //!spec
struct Params { size0: vec4<u32>, size1: vec4<u32>, a0: vec4<u32>, a1: vec4<u32>, b0: vec4<u32>, b1: vec4<u32>, n: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<Act>>;
@group(0) @binding(1) var<storage, read_write> result: array<vec4<Act>>;
@group(0) @binding(2) var<uniform> params: Params;

fn x_element(at: u32) -> f32 {
  return f32(x[at / 4u][at % 4u]);
}

fn repeated(i: u32) -> vec4<f32> {
  if (WIDE) {
    return vec4<f32>(x[broadcast_offsets(i).x]);
  }
  if (ROWS) {
    return vec4(x_element(broadcast_offsets(i).x));
  }
  let at = broadcast_quad(i);
  return vec4(x_element(at[0].x), x_element(at[1].x), x_element(at[2].x), x_element(at[3].x));
}

fn quad(i: u32) -> vec4<f32> {
  return repeated(i) * params.scale;
}
