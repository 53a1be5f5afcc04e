// The gradient of STR's threshold by groups: u = S(theta, d1), W = u max(0, 1 - d2 sqrt(n) / ||u||), d1 = (1 - share) d, d2 = share d.
// With e = g dW/du, g = dL/dW, and all sums over the open weights of a live group,
//   -dL/dd = (1 - share) sum of e sign(theta) + share sqrt(n) sum of u g / ||u||
//   sum of e sign(theta) = s sum of g sign(theta) + t sum of |u|      with s = 1 - d2 sqrt(n) / ||u||, t as in group_turn()
// In a group of one weight both shares give g sign(theta), the term of STR.
//!include "lib/index.wgsl"
//!include "lib/sparse_group.wgsl"
//!include "lib/group_table.wgsl"
//!include "lib/reduce_lanes.wgsl"
struct Params { rows: u32, share: f32 }
@group(0) @binding(0) var<storage, read> gradient: array<f32>;
@group(0) @binding(1) var<storage, read> latent: array<f32>;
@group(0) @binding(2) var<storage, read> table: array<GroupRow>;
@group(0) @binding(3) var<storage, read> hyper: Hyper;
@group(0) @binding(4) var<storage, read_write> sums: array<vec4<f32>>;       // [rows]; learned_threshold_step.wgsl reads x
@group(0) @binding(5) var<uniform> params: Params;

// (d1, d2) that this step's forward pass read.
var<private> now: vec2<f32>;

fn begin(layer: u32) {
  prunes = hyper.phase == PRUNE;
  let d = hyper.layers[layer].next.x;
  now = vec2(d - params.share * d, params.share * d);
}

// Sums of u^2, u g, g sign(theta) over |theta| > d1, and |u|.
fn terms(i: u32) -> vec4<f32> {
  let theta = latent[i];
  let g = gradient[i];
  let u = soft(theta, now.x);
  return vec4(u * u, u * g, select(0.0, g * sign(theta), abs(theta) > now.x), abs(u));
}

// -dL/dd of a group, from its terms.
fn group_part(sum: vec4<f32>, n: u32) -> f32 {
  let factor = group_factor(sum.x, n, now.y);
  let own = factor * sum.z + group_turn(sum.x, n, now.y, sum.y) * sum.w;
  let part = (1.0 - params.share) * own + params.share * sqrt(f32(n)) * sum.y / sqrt(sum.x);
  return select(0.0, part, factor != 0.0 && sum.x > 0.0);
}

fn hand_over(part: f32, index: u32, lane: u32) {
  let sum = lanes_sum(part, lane, 1u);
  if (lane == 0u && index < params.rows) {
    sums[index] = vec4(sum, 0.0, 0.0, 0.0);
  }
}
