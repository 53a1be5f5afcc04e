// y = x / (k + alpha/size · Σ x_j²)^beta over neighbouring channels j = c - size/2 .. c + (size-1)/2.
//!include "lib/elements.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/channels.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, channels: u32, area: u32, size: u32, alpha: f32, beta: f32, k: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;       // k + alpha/size · Σ x_j², for backward
@group(0) @binding(3) var<uniform> params: Params;

fn element(i: u32) {
  let c = i / params.area % params.channels;
  let span = channel_window(c, params.size / 2u, (params.size - 1u) / 2u, params.channels);
  let origin = i - c * params.area;
  var sum = 0.0;
  for (var j = span.x; j < span.y; j++) {
    let v = x[origin + j * params.area];
    sum += v * v;
  }
  let s = params.k + params.alpha / f32(params.size) * sum;
  scale[i] = s;
  y[i] = x[i] * carried(pow(s, -params.beta), s);
}
