// Mean of each window. The divisor counts the window within the padded input, or only what is inside the input.
//!include "lib/elements.wgsl"
const COUNT_PADDING: bool = true;        //!spec
//!include "lib/pool_window.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, in_size: vec2<u32>, out_size: vec2<u32>, padding: vec2<u32> }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32) {
  let out = vec2(i / params.out_size.y % params.out_size.x, i % params.out_size.y);
  let plane = i / (params.out_size.x * params.out_size.y) * params.in_size.x * params.in_size.y;
  let corner = vec2<i32>(out * STRIDE) - vec2<i32>(params.padding);
  let end = min(corner + vec2<i32>(WINDOW), vec2<i32>(params.in_size + params.padding));
  let first = vec2<u32>(max(corner, vec2(0)));
  let last = min(vec2<u32>(end), params.in_size);
  var sum = 0.0;
  for (var r0 = 0u; r0 < WINDOW_Y; r0 += WINDOW_UNROLL_Y) {
    for (var c0 = 0u; c0 < WINDOW_X; c0 += WINDOW_UNROLL_X) {
      for (var r = 0u; r < WINDOW_UNROLL_Y; r++) {  //!unroll
        for (var c = 0u; c < WINDOW_UNROLL_X; c++) {  //!unroll
          // Above and left of the input this wraps to a huge number.
          let p = vec2<u32>(corner) + vec2(r0 + r, c0 + c);
          let inside = all(p < params.in_size);
          sum += select(0.0, x[select(0u, plane + p.x * params.in_size.y + p.y, inside)], inside);
        }
      }
    }
  }
  let extent = select(vec2<i32>(last - first), end - corner, COUNT_PADDING);
  y[i] = sum / f32(extent.x * extent.y);
}
