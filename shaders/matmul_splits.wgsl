// y = sum of the partial products of a split k, in the order of the splits, + bias along the last axis.
//!include "lib/elements.wgsl"
alias Act = f32;                       //!spec   element type of y in memory
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, splits: u32, columns: u32, has_bias: u32 }
@group(0) @binding(0) var<storage, read> partial: array<f32>;     // [splits, n]
@group(0) @binding(1) var<storage, read> bias: array<f32>;        // [columns]; anything when has_bias is 0
@group(0) @binding(2) var<storage, read_write> y: array<Act>;     // [n]
@group(0) @binding(3) var<uniform> params: Params;

fn element(i: u32) {
  var sum = 0.0;
  for (var s = 0u; s < params.splits; s++) {
    sum += partial[s * params.n + i];
  }
  if (params.has_bias != 0u) {
    sum += bias[i % params.columns];
  }
  y[i] = Act(sum);
}
