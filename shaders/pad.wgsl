// y = x with entries added or cut at both ends of its axes. `source` finds the entry of x along one axis.
//!include "lib/elements.wgsl"
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
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn source(c: i32, size: i32) -> i32 { return c; }  //!spec

fn element(i: u32) {
  let p = params;
  var rest = i;
  var at = 0u;
  var inside = true;
  for (var k = 0u; k < 8u; k++) {
    let axis = 3u - k % 4u;
    let inner = k < 4u;
    let size = select(p.size0[axis], p.size1[axis], inner);
    let before = select(p.before0[axis], p.before1[axis], inner);
    if (size > 1u || before != 0) {
      let from_size = i32(select(p.from0[axis], p.from1[axis], inner));
      let c = source(i32(rest % size) - before, from_size);
      rest /= size;
      inside &= c >= 0 && c < from_size;
      at += u32(c) * select(p.stride0[axis], p.stride1[axis], inner);
    }
  }
  if (inside) {
    y[i] = x[at];
  } else {
    y[i] = params.value;
  }
}
