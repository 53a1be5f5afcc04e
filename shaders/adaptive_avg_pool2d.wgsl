// Mean over bins: output row i covers input rows floor(i H / H') to ceil((i + 1) H / H').
//!include "lib/elements.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, in_size: vec2<u32>, out_size: vec2<u32> }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32) {
  let out = vec2(i / params.out_size.y % params.out_size.x, i % params.out_size.y);
  let plane = i / (params.out_size.x * params.out_size.y) * params.in_size.x * params.in_size.y;
  let first = out * params.in_size / params.out_size;
  let last = ((out + 1u) * params.in_size + params.out_size - 1u) / params.out_size;
  var sum = 0.0;
  for (var r = first.x; r < last.x; r++) {
    for (var c = first.y; c < last.y; c++) {
      sum += x[plane + r * params.in_size.y + c];
    }
  }
  let extent = last - first;
  y[i] = sum / f32(extent.x * extent.y);
}
