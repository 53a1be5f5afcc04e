// Each input element collects its share of dy from every window that covers it.
//!include "lib/elements.wgsl"
const COUNT_PADDING: bool = true;        //!spec
//!include "lib/pool_window.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, in_size: vec2<u32>, out_size: vec2<u32>, padding: vec2<u32> }
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> dx: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32) {
  let at = vec2(i / params.in_size.y % params.in_size.x, i % params.in_size.y);
  let plane = i / (params.in_size.x * params.in_size.y) * params.out_size.x * params.out_size.y;
  let shifted = at + params.padding;
  let latest = shifted / STRIDE;
  var sum = 0.0;
  for (var r0 = 0u; r0 < SPAN_Y; r0 += SPAN_UNROLL_Y) {
    for (var c0 = 0u; c0 < SPAN_X; c0 += SPAN_UNROLL_X) {
      for (var r = 0u; r < SPAN_UNROLL_Y; r++) {  //!unroll
        for (var c = 0u; c < SPAN_UNROLL_X; c++) {  //!unroll
          // Before the first window this wraps to a huge number, which is no window either.
          let o = latest - vec2(r0 + r, c0 + c);
          let covers = all(o < params.out_size) && all(o * STRIDE + WINDOW > shifted);
          let corner = vec2<i32>(o * STRIDE) - vec2<i32>(params.padding);
          let end = min(corner + vec2<i32>(WINDOW), vec2<i32>(params.in_size + params.padding));
          let inside = min(end, vec2<i32>(params.in_size)) - max(corner, vec2(0));
          let extent = select(inside, end - corner, COUNT_PADDING);
          let share = dy[select(0u, plane + o.x * params.out_size.y + o.y, covers)] / f32(extent.x * extent.y);
          sum += select(0.0, share, covers);
        }
      }
    }
  }
  dx[i] = sum;
}
