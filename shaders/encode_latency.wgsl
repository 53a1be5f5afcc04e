// One spike per element: at step t where since[t] <= x < before[t]. Up to four steps in a dispatch.
//!include "lib/elements.wgsl"
alias Item = vec4<f32>;                  //!spec   f32 or vec4<f32>
alias Stored = Item;                     //!spec   activations in memory: Item, or as many f16
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params {
  n: u32,                    // in Items
  first: u32,                // step at which this dispatch begins
  steps: u32,                // 1 to 4
  before: vec4<f32>,         // below this nothing has fired earlier
  since: vec4<f32>,
}
@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read_write> y: array<Stored>;          // [T, n]
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32) {
  let p = params;
  let v = Item(x[i]);
  for (var t = 0u; t < p.steps; t++) {
    let late = select(Item(0.0), Item(1.0), v < Item(p.before[t]));
    y[(p.first + t) * p.n + i] = Stored(select(Item(0.0), late, v >= Item(p.since[t])));
  }
}
