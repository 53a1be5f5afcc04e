// dx = dy where |x| > d. `share` holds each element's part of ds: -dy sign(x) sigmoid'(s) there, to be summed.
//!include "lib/elements.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/pointwise.wgsl"
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> s: array<f32>;                 // [1]
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<storage, read_write> share: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

fn element(i: u32) {
  let d = sigmoid(s[0]);
  let slope = d * sigmoid(-s[0]);
  let g = select(0.0, dy[i], abs(x[i]) > d || is_nan(x[i]) || is_nan(d));
  dx[i] = g;
  share[i] = -g * sign(x[i]) * slope;
}
