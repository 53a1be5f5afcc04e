// dx_c = dy_c s_c^-beta - 2 alpha beta / size · x_c Σ_j dy_j x_j s_j^(-beta-1), over the channels j whose window holds c.
//!include "lib/elements.wgsl"
//!include "lib/channels.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, channels: u32, area: u32, size: u32, alpha: f32, beta: f32, k: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> scale: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

fn element(i: u32) {
  let c = i / params.area % params.channels;
  // j holds c when j - size/2 <= c <= j + (size-1)/2: the mirrored window.
  let span = channel_window(c, (params.size - 1u) / 2u, params.size / 2u, params.channels);
  let origin = i - c * params.area;
  var sum = 0.0;
  for (var j = span.x; j < span.y; j++) {
    let at = origin + j * params.area;
    sum += dy[at] * x[at] * pow(scale[at], -params.beta - 1.0);
  }
  let factor = 2.0 * params.alpha * params.beta / f32(params.size);
  dx[i] = dy[i] * pow(scale[i], -params.beta) - factor * x[i] * sum;
}
