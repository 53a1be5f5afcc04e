// dx_c = dy_c s_c^-beta - 2 alpha beta / size · x_c Σ_j dy_j x_j s_j^(-beta-1), over the channels j whose window holds c.
//!include "lib/elements.wgsl"
//!include "lib/channels.wgsl"
alias Act = f32;                         //!spec   element type of activations in memory
alias Item = f32;                        //!spec   f32, or vec4<f32> where planes are whole quads
alias Stored = Act;                      //!spec   as many Act
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, channels: u32, area: u32, size: u32, alpha: f32, beta: f32, k: f32 }  // n and area in Items
@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> scale: array<Item>;
@group(0) @binding(2) var<storage, read> dy: array<Stored>;
@group(0) @binding(3) var<storage, read_write> dx: array<Stored>;
@group(0) @binding(4) var<uniform> params: Params;

fn element(i: u32) {
  let p = params;
  let row = i / p.area;
  let c = row - row / p.channels * p.channels;
  // j holds c when j - size/2 <= c <= j + (size-1)/2: the mirrored window.
  let span = channel_window(c, (p.size - 1u) / 2u, p.size / 2u, p.channels);
  var at = i - (c - span.x) * p.area;
  var sum = Item(0.0);
  for (var j = span.x; j < span.y; j++) {
    sum += Item(dy[at]) * Item(x[at]) * pow(scale[at], Item(-p.beta - 1.0));
    at += p.area;
  }
  let factor = 2.0 * p.alpha * p.beta / f32(p.size);
  dx[i] = Stored(Item(dy[i]) * pow(scale[i], Item(-p.beta)) - factor * Item(x[i]) * sum);
}
