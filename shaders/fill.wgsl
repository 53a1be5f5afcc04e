// y = value everywhere.
//!include "lib/elements.wgsl"
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params { n: u32, value: f32 }
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<uniform> params: Params;

fn element(i: u32) {
  y[i] = params.value;
}
