// Max pooling: the largest value of each window, and its flat index in the plane. Padding counts as -infinity; of equal
// values the first in row-major order wins.
//!include "lib/elements.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/pool_window.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, in_size: vec2<u32>, out_size: vec2<u32>, padding: vec2<u32> }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> winner: array<i32>;
@group(0) @binding(3) var<uniform> params: Params;

fn element(i: u32) {
  let out = vec2(i / params.out_size.y % params.out_size.x, i % params.out_size.y);
  let plane = i / (params.out_size.x * params.out_size.y) * params.in_size.x * params.in_size.y;
  let corner = out * STRIDE - params.padding;
  let first = max(out * STRIDE, params.padding) - params.padding;
  var best = first.x * params.in_size.y + first.y;
  var top = x[plane + best];
  for (var r0 = 0u; r0 < WINDOW_Y; r0 += WINDOW_UNROLL_Y) {
    for (var c0 = 0u; c0 < WINDOW_X; c0 += WINDOW_UNROLL_X) {
      for (var r = 0u; r < WINDOW_UNROLL_Y; r++) {  //!unroll
        for (var c = 0u; c < WINDOW_UNROLL_X; c++) {  //!unroll
          // Above and left of the input this wraps to a huge number.
          let p = corner + vec2(r0 + r, c0 + c);
          let inside = all(p < params.in_size);
          let at = select(best, p.x * params.in_size.y + p.y, inside);
          let v = x[plane + at];
          let wins = takes_lead(v, top);
          top = select(top, v, wins);
          best = select(best, at, wins);
        }
      }
    }
  }
  y[i] = top;
  winner[i] = i32(best);
}
