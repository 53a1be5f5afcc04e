// y = x with entries added or cut at both ends of its axes. `source` finds the entry of x along one axis. An invocation locates its
// first element by divisions, and the others by counting; its loads come first.
//!include "lib/elements.wgsl"
alias Act = f32;                         //!spec   element type of activations in memory
const AXES: u32 = 8u;                    //!spec   those that count, the last
alias Out = Act;                         //!spec   Act, or vec4<Act> for EACH 4
const EACH: u32 = 1u;                    //!spec   elements of y that are located together: 1, or 4 where rows have as many
const ROWS: u32 = min(EACH, 2u);         // that hold them, at most
const ITEMS_PER_INVOCATION: u32 = 4u;    //!spec   counted in Outs
struct Params {
  n: u32,                    // Outs
  value: f32,                // of elements outside of x
  size0: vec4<u32>,          // sizes of y, outermost first
  size1: vec4<u32>,
  from0: vec4<u32>,          // sizes and strides of x
  from1: vec4<u32>,
  stride0: vec4<u32>,
  stride1: vec4<u32>,
  before0: vec4<i32>,        // entries added in front, or cut if negative
  before1: vec4<i32>,
}
@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read_write> y: array<Out>;
@group(0) @binding(2) var<uniform> params: Params;

fn source(c: i32, size: i32) -> i32 { return c; }  //!spec

fn innermost_first(outer: vec4<u32>, inner: vec4<u32>) -> array<u32, 8> {
  return array(inner.w, inner.z, inner.y, inner.x, outer.w, outer.z, outer.y, outer.x);
}

fn written(v: array<Act, EACH>) -> Out { return v[0]; }  //!spec

fn element(i: u32) {
  let p = params;
  let sizes = innermost_first(p.size0, p.size1);
  let sizes_of_x = innermost_first(p.from0, p.from1);
  let strides = innermost_first(p.stride0, p.stride1);
  let before = array(p.before1.w, p.before1.z, p.before1.y, p.before1.x, p.before0.w, p.before0.z, p.before0.y, p.before0.x);
  var digit: array<u32, AXES>;
  var rest = i * EACH;
  for (var k = 0u; k < AXES; k++) {  //!unroll
    let above = select(rest / sizes[k], 0u, k + 1u == AXES);
    digit[k] = rest - above * sizes[k];
    rest = above;
  }
  // The row of the first element, and the one behind it.
  var start: array<u32, ROWS>;
  var row_inside: array<bool, ROWS>;
  for (var r = 0u; r < ROWS; r++) {  //!unroll
    row_inside[r] = true;
    var carry = true;
    for (var k = 1u; k < AXES; k++) {  //!unroll
      let c = source(i32(digit[k]) - before[k], i32(sizes_of_x[k]));
      row_inside[r] &= (c >= 0) & (c < i32(sizes_of_x[k]));
      start[r] += u32(c) * strides[k];
      digit[k] += u32(carry);
      carry = digit[k] == sizes[k];
      digit[k] = select(digit[k], 0u, carry);
    }
  }
  var made: array<Act, EACH>;
  for (var e = 0u; e < EACH; e++) {  //!unroll
    let place = digit[0] + e;
    let ends = place >= sizes[0];
    let c = source(i32(select(place, place - sizes[0], ends)) - before[0], i32(sizes_of_x[0]));
    let inside = select(row_inside[0], row_inside[ROWS - 1u], ends) & (c >= 0) & (c < i32(sizes_of_x[0]));
    made[e] = select(Act(p.value), x[select(start[0], start[ROWS - 1u], ends) + u32(c)], inside);
  }
  y[i] = written(made);
}
