// y[b, d] = Σ over a and c of x[a, b, c, d], one invocation per result.
//!include "lib/elements.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, size: vec4<u32> }        // results; a, b, c, d
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32) {
  let size = params.size;
  var total = 0.0;
  for (var a = 0u; a < size.x; a++) {
    // Blocks of 256 terms: one long running sum would lose digits.
    for (var first = 0u; first < size.z; first += 256u) {
      var block = 0.0;
      for (var c = first; c < min(first + 256u, size.z); c++) {
        block += x[((a * size.y + i / size.w) * size.z + c) * size.w + i % size.w];
      }
      total += block;
    }
  }
  y[i] = total;
}
