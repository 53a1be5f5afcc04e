// y = x in another element type: f16 rounds to nearest or, on some adapters, towards zero.
//!include "lib/elements.wgsl"
alias Item = vec4<f32>;                  //!spec   f32 or f16; of vec4 where the length is a multiple of four
alias Result = vec4<f32>;                //!spec   the same for y
const ITEMS_PER_INVOCATION: u32 = 8u;
struct Params { n: u32 }                 // Items
@group(0) @binding(0) var<storage, read> x: array<Item>;
@group(0) @binding(1) var<storage, read_write> y: array<Result>;
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32) {
  y[i] = Result(x[i]);
}
