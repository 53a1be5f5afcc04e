// y = x with entries added or cut at both ends of its axes. `source` finds the entry of x along one axis.
//!include "lib/elements.wgsl"
alias Act = f32;                         //!spec   element type of activations in memory
const AXES: u32 = 8u;                    //!spec   those that count, the last
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params {
  n: u32,
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
@group(0) @binding(1) var<storage, read_write> y: array<Act>;
@group(0) @binding(2) var<uniform> params: Params;

fn source(c: i32, size: i32) -> i32 { return c; }  //!spec

fn innermost_first(outer: vec4<u32>, inner: vec4<u32>) -> array<u32, 8> {
  return array(inner.w, inner.z, inner.y, inner.x, outer.w, outer.z, outer.y, outer.x);
}

fn element(i: u32) {
  let p = params;
  var rest = i;
  var at = 0u;
  var inside = true;
  let sizes = innermost_first(p.size0, p.size1);
  let sizes_of_x = innermost_first(p.from0, p.from1);
  let strides = innermost_first(p.stride0, p.stride1);
  let before = array(p.before1.w, p.before1.z, p.before1.y, p.before1.x, p.before0.w, p.before0.z, p.before0.y, p.before0.x);
  for (var k = 0u; k < AXES; k++) {  //!unroll
    let above = select(rest / sizes[k], 0u, k + 1u == AXES);
    let c = source(i32(rest - above * sizes[k]) - before[k], i32(sizes_of_x[k]));
    inside &= c >= 0 && c < i32(sizes_of_x[k]);
    at += u32(c) * strides[k];
    rest = above;
  }
  y[i] = select(Act(p.value), x[at], inside);
}
