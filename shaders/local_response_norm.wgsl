// y = x / (k + alpha/size · Σ x_j²)^beta over neighbouring channels j = c - size/2 .. c + (size-1)/2.
//!include "lib/elements.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/channels.wgsl"
alias Act = f32;                         //!spec   element type of activations in memory
alias Item = f32;                        //!spec   f32, or vec4<f32> where planes are whole quads
alias Stored = Act;                      //!spec   as many Act
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, channels: u32, area: u32, size: u32, alpha: f32, beta: f32, k: f32 }  // n and area in Items
@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read_write> y: array<Stored>;
@group(0) @binding(2) var<storage, read_write> scale: array<Item>;      // k + alpha/size · Σ x_j², for backward
@group(0) @binding(3) var<uniform> params: Params;

fn carried_item(result: Item, v: Item) -> Item { return carried(result, v); }  //!spec

fn element(i: u32) {
  let p = params;
  let row = i / p.area;
  let c = row - row / p.channels * p.channels;
  let span = channel_window(c, p.size / 2u, (p.size - 1u) / 2u, p.channels);
  var at = i - (c - span.x) * p.area;
  var sum = Item(0.0);
  for (var j = span.x; j < span.y; j++) {
    let v = Item(x[at]);
    sum += v * v;
    at += p.area;
  }
  let s = p.k + p.alpha / f32(p.size) * sum;
  scale[i] = s;
  y[i] = Stored(Item(x[i]) * carried_item(pow(s, Item(-p.beta)), s));
}
