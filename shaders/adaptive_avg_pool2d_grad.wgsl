// Each input element collects its share of dy from every bin that covers it; bins may overlap.
//!include "lib/elements.wgsl"
alias Act = f32;                         //!spec   element type of activations in memory
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, in_size: vec2<u32>, out_size: vec2<u32> }
@group(0) @binding(0) var<storage, read> dy: array<Act>;
@group(0) @binding(1) var<storage, read_write> dx: array<Act>;
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32) {
  let p = params;
  let at = vec2(i / p.in_size.y % p.in_size.x, i % p.in_size.y);
  let plane = i / (p.in_size.x * p.in_size.y) * p.out_size.x * p.out_size.y;
  // First and last bin with floor(o H / H') <= at < ceil((o + 1) H / H').
  let begin = at * p.out_size / p.in_size;
  let finish = ((at + 1u) * p.out_size + p.in_size - 1u) / p.in_size;
  var sum = 0.0;
  for (var r = begin.x; r < finish.x; r++) {
    for (var c = begin.y; c < finish.y; c++) {
      let out = vec2(r, c);
      let extent = ((out + 1u) * p.in_size + p.out_size - 1u) / p.out_size - out * p.in_size / p.out_size;
      sum += f32(dy[plane + r * p.out_size.y + c]) / f32(extent.x * extent.y);
    }
  }
  dx[i] = Act(sum);
}
