// Mean over bins: output row i covers input rows floor(i H / H') to ceil((i + 1) H / H').
//!include "lib/elements.wgsl"
alias Act = f32;                         //!spec   element type of activations in memory
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, in_size: vec2<u32>, out_size: vec2<u32> }
@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read_write> y: array<Act>;
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32) {
  let p = params;
  let out = vec2(i / p.out_size.y % p.out_size.x, i % p.out_size.y);
  let plane = i / (p.out_size.x * p.out_size.y) * p.in_size.x * p.in_size.y;
  let first = out * p.in_size / p.out_size;
  let last = ((out + 1u) * p.in_size + p.out_size - 1u) / p.out_size;
  var sum = 0.0;
  for (var r = first.x; r < last.x; r++) {
    for (var c = first.y; c < last.y; c++) {
      sum += f32(x[plane + r * p.in_size.y + c]);
    }
  }
  let extent = last - first;
  y[i] = Act(sum / f32(extent.x * extent.y));
}
