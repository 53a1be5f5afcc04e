// dx_c = dy_c s_c^-beta - 2 alpha beta / size · x_c Σ_j dy_j x_j s_j^(-beta-1), over the channels j whose window holds c.
//!include "lib/elements.wgsl"
//!include "lib/channels.wgsl"
alias Act = f32;                         //!spec   element type of activations in memory
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, channels: u32, area: u32, size: u32, alpha: f32, beta: f32, k: f32 }
@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read> scale: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<Act>;
@group(0) @binding(3) var<storage, read_write> dx: array<Act>;
@group(0) @binding(4) var<uniform> params: Params;

fn element(i: u32) {
  let p = params;
  let c = i / p.area % p.channels;
  // j holds c when j - size/2 <= c <= j + (size-1)/2: the mirrored window.
  let span = channel_window(c, (p.size - 1u) / 2u, p.size / 2u, p.channels);
  let origin = i - c * p.area;
  var sum = 0.0;
  for (var j = span.x; j < span.y; j++) {
    let at = origin + j * p.area;
    sum += f32(dy[at]) * f32(x[at]) * pow(scale[at], -p.beta - 1.0);
  }
  let factor = 2.0 * p.alpha * p.beta / f32(p.size);
  dx[i] = Act(f32(dy[i]) * pow(scale[i], -p.beta) - factor * f32(x[i]) * sum);
}
