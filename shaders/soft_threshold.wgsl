// y = x - clamp(x, -d, d): shrink towards zero by d. The clamp form has no branch and never makes -0.
//!include "lib/elements.wgsl"
//!include "lib/nonfinite.wgsl"
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> d: array<f32>;           // [1]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

fn element(i: u32) {
  let threshold = d[0];
  y[i] = x[i] - carried(clamp(x[i], -threshold, threshold), threshold);
}
