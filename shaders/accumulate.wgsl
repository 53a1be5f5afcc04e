// target += x, added as f32.
//!include "lib/elements.wgsl"
alias Item = vec4<f32>;                  //!spec   f32 or f16; of vec4 where the length is a multiple of four
alias Sum = vec4<f32>;                   //!spec   f32, or vec4<f32>
const ITEMS_PER_INVOCATION: u32 = 8u;
struct Params { n: u32 }                 // Items
@group(0) @binding(0) var<storage, read> x: array<Item>;
@group(0) @binding(1) var<storage, read_write> target_: array<Item>;
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32) {
  target_[i] = Item(Sum(target_[i]) + Sum(x[i]));
}
