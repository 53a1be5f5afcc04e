// y = value everywhere.
//!include "lib/elements.wgsl"
const ITEMS_PER_INVOCATION: u32 = 4u;
alias Act = f32;                         //!spec   element type in memory
struct Params { n: u32, value: f32 }
@group(0) @binding(0) var<storage, read_write> y: array<Act>;
@group(0) @binding(1) var<uniform> params: Params;

fn element(i: u32) {
  y[i] = Act(params.value);
}
