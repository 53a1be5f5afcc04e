// x at every step: itself, or its binary digits, most significant first. One invocation writes all steps of an Item.
//!include "lib/elements.wgsl"
alias Item = vec4<f32>;                  //!spec   f32 or vec4<f32>
const DIGITS: bool = false;              //!spec
alias Stored = Item;                     //!spec   activations in memory: Item, or as many f16
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, steps: u32 }     // n in Items
@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read_write> y: array<Stored>;          // [steps, n]
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32) {
  let p = params;
  var rest = Item(x[i]);
  var weight = 0.5;
  for (var t = 0u; t < p.steps; t++) {
    if (DIGITS) {
      // Exact: the weight is a power of two, and what is left has no more digits than x.
      let digit = select(Item(0.0), Item(1.0), rest >= Item(weight));
      y[t * p.n + i] = Stored(digit);
      rest -= digit * weight;
      weight *= 0.5;
    } else {
      y[t * p.n + i] = Stored(rest);
    }
  }
}
