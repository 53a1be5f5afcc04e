// w = sign(x) max(|x| - sigmoid(s), 0): soft threshold by a learned amount.
//!include "lib/elements.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/pointwise.wgsl"
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> s: array<f32>;                 // [1]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

fn element(i: u32) {
  let d = sigmoid(s[0]);
  y[i] = x[i] - carried(clamp(x[i], -d, d), d);
}
