// y[winner[i]] = x[i]. Indices are distinct, so there is no race; the rest of y was cleared before.
//!include "lib/elements.wgsl"
alias Act = f32;                         //!spec   element type of x and y in memory
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read> winner: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<Act>;
@group(0) @binding(3) var<uniform> params: Params;

fn element(i: u32) {
  y[winner[i]] = x[i];
}
