// w = S(theta, threshold), one element per invocation: last of the unfused update's three.
//!include "lib/elements.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> theta: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read> hyper: array<f32>;       // lr, momentum, weight decay, threshold
@group(0) @binding(3) var<uniform> params: Params;

fn element(i: u32) {
  weight[i] = theta[i] - clamp(theta[i], -hyper[3], hyper[3]);
}
