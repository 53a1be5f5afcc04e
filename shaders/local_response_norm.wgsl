// y = x / (k + alpha/size · Σ x_j²)^beta over neighbouring channels j = c - size/2 .. c + (size-1)/2.
//!include "lib/elements.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/channels.wgsl"
alias Act = f32;                         //!spec   element type of activations in memory
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, channels: u32, area: u32, size: u32, alpha: f32, beta: f32, k: f32 }
@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read_write> y: array<Act>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;       // k + alpha/size · Σ x_j², for backward
@group(0) @binding(3) var<uniform> params: Params;

fn element(i: u32) {
  let p = params;
  let c = i / p.area % p.channels;
  let span = channel_window(c, p.size / 2u, (p.size - 1u) / 2u, p.channels);
  let origin = i - c * p.area;
  var sum = 0.0;
  for (var j = span.x; j < span.y; j++) {
    let v = f32(x[origin + j * p.area]);
    sum += v * v;
  }
  let s = p.k + p.alpha / f32(p.size) * sum;
  scale[i] = s;
  y[i] = Act(f32(x[i]) * carried(pow(s, -p.beta), s));
}
