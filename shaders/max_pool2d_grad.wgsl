// Each input element collects dy of the windows that chose it: a gather, so no two invocations write one element.
//!include "lib/elements.wgsl"
//!include "lib/pool_window.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, in_size: vec2<u32>, out_size: vec2<u32>, padding: vec2<u32> }
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> winner: array<i32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

fn element(i: u32) {
  let at = vec2(i / params.in_size.y % params.in_size.x, i % params.in_size.y);
  let plane = i / (params.in_size.x * params.in_size.y) * params.out_size.x * params.out_size.y;
  let here = i32(at.x * params.in_size.y + at.y);
  // Windows o with o · stride <= at + padding < o · stride + window, from the last one back.
  let shifted = at + params.padding;
  let last = shifted / STRIDE;
  var sum = 0.0;
  for (var r0 = 0u; r0 < SPAN_Y; r0 += SPAN_UNROLL_Y) {
    for (var c0 = 0u; c0 < SPAN_X; c0 += SPAN_UNROLL_X) {
      for (var r = 0u; r < SPAN_UNROLL_Y; r++) {  //!unroll
        for (var c = 0u; c < SPAN_UNROLL_X; c++) {  //!unroll
          // Before the first window this wraps to a huge number, which is no window either.
          let o = last - vec2(r0 + r, c0 + c);
          let covers = all(o < params.out_size) && all(o * STRIDE + WINDOW > shifted);
          let source = select(0u, plane + o.x * params.out_size.y + o.y, covers);
          sum += select(0.0, dy[source], covers && winner[source] == here);
        }
      }
    }
  }
  dx[i] = sum;
}
