// Mean of each window. The divisor counts the window within the padded input, or only what is inside the input.
//!include "lib/elements.wgsl"
const COUNT_PADDING: bool = true;        //!spec
//!include "lib/pool_window.wgsl"
//!include "lib/pool_load.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, in_size: vec2<u32>, out_size: vec2<u32>, padding: u32 }
@group(0) @binding(0) var<storage, read> x: array<Out>;
@group(0) @binding(1) var<storage, read_write> y: array<Out>;
@group(0) @binding(2) var<uniform> params: Params;

// Places of a window along one axis that count.
fn extent(start: i32, window: u32, size: u32, padding: u32) -> i32 {
  let end = min(start + i32(window), i32(size + padding));
  return select(min(end, i32(size)) - max(start, 0), end - start, COUNT_PADDING);
}

fn element(i: u32) {
  let p = params;
  let place = place_of(i, p.out_size);
  // Above and left of the input these wrap to huge numbers.
  let row = place.y * STRIDE_Y - p.padding;
  let column = place.z * STRIDE_X - PADDING_X;
  let item = place.z * STRIDE_X / EACH - LEAD / EACH;
  let across = p.in_size.y / EACH;
  var sum: array<f32, EACH>;
  for (var r0 = 0u; r0 < WINDOW_Y; r0 += WINDOW_UNROLL_Y) {
    for (var c0 = 0u; c0 < WINDOW_X; c0 += WINDOW_UNROLL_X) {
      let seen = load_window((place.x * p.in_size.x + row + r0) * across + item + c0, across);
      for (var r = 0u; r < WINDOW_UNROLL_Y; r++) {  //!unroll
        let row_inside = row + r0 + r < p.in_size.x;
        for (var c = 0u; c < WINDOW_UNROLL_X; c++) {  //!unroll
          for (var e = 0u; e < EACH; e++) {  //!unroll
            let inside = row_inside & (column + c0 + (e * STRIDE_X + c) < p.in_size.y);
            sum[e] += select(0.0, seen[r * WIDTH + SKIP + e * STRIDE_X + c], inside);
          }
        }
      }
    }
  }
  let rows = extent(i32(row), WINDOW_Y, p.in_size.x, p.padding);
  for (var e = 0u; e < EACH; e++) {  //!unroll
    sum[e] /= f32(rows * extent(i32(column + e * STRIDE_X), WINDOW_X, p.in_size.y, PADDING_X));
  }
  y[i] = written(vec4(sum[0], sum[min(1u, EACH - 1u)], sum[min(2u, EACH - 1u)], sum[EACH - 1u]));
}
