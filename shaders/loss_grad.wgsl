// Gradient of a loss to one of its inputs: dy · slope(x, goal) · scale. For a mean, scale is 1 / n.
//!include "lib/quads.wgsl"
//!include "lib/loss.wgsl"
const ITEMS_PER_INVOCATION: u32 = 8u;
const EACH: bool = false;                //!spec   dy has one value per element
struct Params { n: u32, inner: u32, count: u32, k: f32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<ActX>>;
@group(0) @binding(1) var<storage, read> goal: array<vec4<ActT>>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> result: array<vec4<Act>>;
@group(0) @binding(5) var<uniform> params: Params;

fn slope(u: f32, t: f32, w: f32, k: f32) -> f32 { return u - t; }  //!spec

fn quad(i: u32) -> vec4<f32> {
  let u = vec4<f32>(x[i]);
  let t = vec4<f32>(goal[i]);
  let w = positive_weights(i);
  let k = params.k;
  var up = dy[select(0u, i, EACH)];
  if (!EACH) {
    up = vec4<f32>(up.x);
  }
  let s = vec4(slope(u.x, t.x, w.x, k), slope(u.y, t.y, w.y, k), slope(u.z, t.z, w.z, k), slope(u.w, t.w, w.w, k));
  return up * params.scale * s;
}
