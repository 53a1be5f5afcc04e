// y = sum of the partial products of a split k, in the order of the splits, + bias along the last axis. Four splits are loaded
// at a time.
//!include "lib/elements.wgsl"
alias Item = f32;                      //!spec   f32, or vec4<f32> where rows are whole quads
alias Act = f32;                       //!spec   type of as many elements of y in memory
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, splits: u32, columns: u32, has_bias: u32 }
@group(0) @binding(0) var<storage, read> partial: array<Item>;    // [splits, n]
@group(0) @binding(1) var<storage, read> bias: array<Item>;       // [columns]; anything when has_bias is 0
@group(0) @binding(2) var<storage, read_write> y: array<Act>;     // [n]
@group(0) @binding(3) var<uniform> params: Params;

fn element(i: u32) {
  let p = params;
  var at = i;
  var sum = Item();
  for (var s = 0u; s < p.splits; s += 4u) {
    var value: array<Item, 4>;
    for (var j = 0u; j < 4u; j++) {  //!unroll
      value[j] = partial[select(i, at, s + j < p.splits)];
      at += p.n;
    }
    for (var j = 0u; j < 4u; j++) {  //!unroll
      sum += select(Item(), value[j], s + j < p.splits);
    }
  }
  if (p.has_bias != 0u) {
    sum += bias[i % p.columns];
  }
  y[i] = Act(sum);
}
