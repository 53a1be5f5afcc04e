// One spike per element: at step t where since[t] <= x < before[t]. Up to four steps in a dispatch.
//!include "lib/elements.wgsl"
alias Item = vec4<f32>;                  //!spec   f32 or vec4<f32>
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params {
  n: u32,                    // in Items
  first: u32,                // step at which this dispatch begins
  steps: u32,                // 1 to 4
  before: vec4<f32>,         // below this nothing has fired earlier
  since: vec4<f32>,
}
@group(0) @binding(0) var<storage, read> x: array<Item>;
@group(0) @binding(1) var<storage, read_write> y: array<Item>;          // [T, n]
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32) {
  let v = x[i];
  for (var t = 0u; t < params.steps; t++) {
    let late = select(Item(0.0), Item(1.0), v < Item(params.before[t]));
    y[(params.first + t) * params.n + i] = select(Item(0.0), late, v >= Item(params.since[t]));
  }
}
