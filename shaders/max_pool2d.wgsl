// Max pooling: the largest value of each window, and its flat index in the plane. Padding counts as -infinity; of equal
// values the first in row-major order wins. A block of rows is loaded without a branch before it is compared.
//!include "lib/elements.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/pool_window.wgsl"
//!include "lib/pool_load.wgsl"
alias Place = i32;                       //!spec   i32, or vec4<i32> for EACH 4
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, in_size: vec2<u32>, out_size: vec2<u32>, padding: u32, lowest: u32 }  // bits of -infinity
@group(0) @binding(0) var<storage, read> x: array<Out>;
@group(0) @binding(1) var<storage, read_write> y: array<Out>;
@group(0) @binding(2) var<storage, read_write> winner: array<Place>;
@group(0) @binding(3) var<uniform> params: Params;

fn placed(v: vec4<i32>) -> Place { return v.x; }  //!spec

// Integers in the order of f32: both zeros are 0, NaN is above all.
const NAN_ORDER: i32 = 0x7f800001;
const LOWEST: i32 = -0x7f800000;         // that of -infinity
const NO_NUMBER: i32 = -0x7fffffff;      // below all of them

fn order_of(v: f32) -> i32 {
  let bits = bitcast<i32>(v);
  let size = bits & 0x7fffffff;
  return select(select(size, -size, bits < 0), NAN_ORDER, size > 0x7f800000);
}

fn element(i: u32) {
  let p = params;
  let place = place_of(i, p.out_size);
  // Above and left of the input these wrap to huge numbers.
  let row = place.y * STRIDE_Y - p.padding;
  let column = place.z * STRIDE_X - PADDING_X;
  let item = place.z * STRIDE_X / EACH - LEAD / EACH;
  let across = p.in_size.y / EACH;
  let first = max(place.y * STRIDE_Y, p.padding) - p.padding;
  var top: array<f32, EACH>;
  var order: array<i32, EACH>;
  var best: array<u32, EACH>;
  for (var e = 0u; e < EACH; e++) {  //!unroll
    top[e] = bitcast<f32>(p.lowest);
    order[e] = LOWEST;
    best[e] = first * p.in_size.y + max((place.z + e) * STRIDE_X, PADDING_X) - PADDING_X;
  }
  for (var r0 = 0u; r0 < WINDOW_Y; r0 += WINDOW_UNROLL_Y) {
    for (var c0 = 0u; c0 < WINDOW_X; c0 += WINDOW_UNROLL_X) {
      let seen = load_window((place.x * p.in_size.x + row + r0) * across + item + c0, across);
      for (var r = 0u; r < WINDOW_UNROLL_Y; r++) {  //!unroll
        let row_inside = row + r0 + r < p.in_size.x;
        let row_start = (row + r0 + r) * p.in_size.y + column + c0;
        var orders: array<i32, (EACH - 1u) * STRIDE_X + WINDOW_UNROLL_X>;
        for (var k = 0u; k < (EACH - 1u) * STRIDE_X + WINDOW_UNROLL_X; k++) {  //!unroll
          let inside = row_inside & (column + c0 + k < p.in_size.y);
          orders[k] = select(NO_NUMBER, order_of(seen[r * WIDTH + SKIP + k]), inside);
        }
        for (var c = 0u; c < WINDOW_UNROLL_X; c++) {  //!unroll
          for (var e = 0u; e < EACH; e++) {  //!unroll
            let wins = orders[e * STRIDE_X + c] > order[e];
            order[e] = select(order[e], orders[e * STRIDE_X + c], wins);
            top[e] = select(top[e], seen[r * WIDTH + SKIP + e * STRIDE_X + c], wins);
            best[e] = select(best[e], row_start + (e * STRIDE_X + c), wins);
          }
        }
      }
    }
  }
  y[i] = written(vec4(top[0], top[min(1u, EACH - 1u)], top[min(2u, EACH - 1u)], top[EACH - 1u]));
  winner[i] = placed(vec4<i32>(vec4(best[0], best[min(1u, EACH - 1u)], best[min(2u, EACH - 1u)], best[EACH - 1u])));
}
