// Each input element collects its share of dy from every bin that covers it; bins may overlap.
//!include "lib/elements.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, in_size: vec2<u32>, out_size: vec2<u32> }
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> dx: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32) {
  let at = vec2(i / params.in_size.y % params.in_size.x, i % params.in_size.y);
  let plane = i / (params.in_size.x * params.in_size.y) * params.out_size.x * params.out_size.y;
  // First and last bin with floor(o H / H') <= at < ceil((o + 1) H / H').
  let begin = at * params.out_size / params.in_size;
  let finish = ((at + 1u) * params.out_size + params.in_size - 1u) / params.in_size;
  var sum = 0.0;
  for (var r = begin.x; r < finish.x; r++) {
    for (var c = begin.y; c < finish.y; c++) {
      let out = vec2(r, c);
      let extent = ((out + 1u) * params.in_size + params.out_size - 1u) / params.out_size - out * params.in_size / params.out_size;
      sum += dy[plane + r * params.out_size.y + c] / f32(extent.x * extent.y);
    }
  }
  dx[i] = sum;
}
