// losses = loss(x, goal) of each element; src/ops/mse_loss.ts and its neighbours have the functions.
//!include "lib/quads.wgsl"
//!include "lib/loss.wgsl"
const ITEMS_PER_INVOCATION: u32 = 8u;
struct Params { n: u32, inner: u32, count: u32, k: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<ActX>>;
@group(0) @binding(1) var<storage, read> goal: array<vec4<ActT>>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> result: array<vec4<Act>>;
@group(0) @binding(4) var<uniform> params: Params;

fn loss(u: f32, t: f32, w: f32, k: f32) -> f32 { return u - t; }  //!spec

fn quad(i: u32) -> vec4<f32> {
  let u = vec4<f32>(x[i]);
  let t = vec4<f32>(goal[i]);
  let w = positive_weights(i);
  let k = params.k;
  return vec4(loss(u.x, t.x, w.x, k), loss(u.y, t.y, w.y, k), loss(u.z, t.z, w.z, k), loss(u.w, t.w, w.w, k));
}
