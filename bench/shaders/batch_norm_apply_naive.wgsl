// y = (x - mean) · invstd · weight + bias, one element per invocation.
//!include "lib/elements.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, channels: u32, area: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read> invstd: array<f32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

fn element(i: u32) {
  let c = i / params.area % params.channels;
  y[i] = (x[i] - mean[c]) * invstd[c] * weight[c] + bias[c];
}
