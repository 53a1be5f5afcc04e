// Each input element collects its share of dy from every window that covers it.
//!include "lib/elements.wgsl"
const COUNT_PADDING: bool = true;        //!spec
//!include "lib/pool_window.wgsl"
//!include "lib/pool_cover.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, in_size: vec2<u32>, out_size: vec2<u32>, padding: u32 }
@group(0) @binding(0) var<storage, read> dy: array<Act>;
@group(0) @binding(1) var<storage, read_write> dx: array<Out>;
@group(0) @binding(2) var<uniform> params: Params;

// Places of window o along one axis that count.
fn extent(o: u32, stride: u32, window: u32, size: u32, padding: u32) -> i32 {
  let start = i32(o * stride) - i32(padding);
  let end = min(start + i32(window), i32(size + padding));
  return select(min(end, i32(size)) - max(start, 0), end - start, COUNT_PADDING);
}

fn element(i: u32) {
  let p = params;
  let place = place_of(i, p.in_size);
  let padded = place.yz + vec2(p.padding, PADDING_X);
  let last = padded / STRIDE;
  var sum: array<f32, EACH>;
  for (var r0 = 0u; r0 < SPAN_Y; r0 += SPAN_UNROLL_Y) {
    for (var c0 = 0u; c0 < SPAN_X; c0 += SPAN_UNROLL_X) {
      // Before the first window these wrap to huge numbers, which are no windows either.
      let row = last.x - r0;
      let column = last.y - c0 - (SPAN_UNROLL_X - 1u);
      var at = (place.x * p.out_size.x + row) * p.out_size.y + column;
      var seen: array<f32, SPAN_UNROLL_Y * COVERS>;
      for (var r = 0u; r < SPAN_UNROLL_Y; r++) {  //!unroll
        for (var c = 0u; c < COVERS; c++) {  //!unroll
          seen[r * COVERS + c] = f32(dy[at + c]);
        }
        at -= p.out_size.y;
      }
      for (var r = 0u; r < SPAN_UNROLL_Y; r++) {  //!unroll
        let rows = extent(row - r, STRIDE_Y, WINDOW_Y, p.in_size.x, p.padding);
        for (var c = 0u; c < COVERS; c++) {  //!unroll
          seen[r * COVERS + c] /= f32(rows * extent(column + c, STRIDE_X, WINDOW_X, p.in_size.y, PADDING_X));
        }
      }
      for (var r = 0u; r < SPAN_UNROLL_Y; r++) {  //!unroll
        let row_covers = covers(row - r, STRIDE_Y, WINDOW_Y, padded.x, p.out_size.x);
        for (var c = 0u; c < SPAN_UNROLL_X; c++) {  //!unroll
          for (var e = 0u; e < EACH; e++) {  //!unroll
            let k = (e + PADDING_X) / STRIDE_X - PADDING_X / STRIDE_X + SPAN_UNROLL_X - 1u - c;
            let counts = row_covers & covers(column + k, STRIDE_X, WINDOW_X, padded.y + e, p.out_size.y);
            sum[e] += select(0.0, seen[r * COVERS + (e + PADDING_X) / STRIDE_X - PADDING_X / STRIDE_X + SPAN_UNROLL_X - 1u - c], counts);
          }
        }
      }
    }
  }
  dx[i] = written(vec4(sum[0], sum[min(1u, EACH - 1u)], sum[min(2u, EACH - 1u)], sum[EACH - 1u]));
}
