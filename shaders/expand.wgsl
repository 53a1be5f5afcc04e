// y = x · scale repeated along axes where x has size 1. Elements are found as in binary.wgsl.
//!include "lib/quads.wgsl"
//!include "lib/broadcast.wgsl"
const ITEMS_PER_INVOCATION: u32 = 8u;
struct Params { size0: vec4<u32>, size1: vec4<u32>, a0: vec4<u32>, a1: vec4<u32>, b0: vec4<u32>, b1: vec4<u32>, n: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> result: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

fn quad(i: u32) -> vec4<f32> {
  let at = broadcast_quad(i);
  return vec4(x[at[0].x], x[at[1].x], x[at[2].x], x[at[3].x]) * params.scale;
}
