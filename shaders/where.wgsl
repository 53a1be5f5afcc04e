// y = a where the condition is not zero, else b, with broadcasting. Copies bits, so that any dtype works.
//!include "lib/elements.wgsl"
const STRIDED: bool = false;             //!spec   otherwise each operand has the shape of y, or a single element (ONE)
const CONDITION_IS_ONE: bool = false;    //!spec
const A_IS_ONE: bool = false;            //!spec
const B_IS_ONE: bool = false;            //!spec
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params {
  n: u32,
  mask: u32,                 // bits of the condition that count: not the sign of a float
  size0: vec4<u32>,          // sizes of y, outermost first; strides in the operands, 0 where one repeats
  size1: vec4<u32>,
  c0: vec4<u32>,
  c1: vec4<u32>,
  a0: vec4<u32>,
  a1: vec4<u32>,
  b0: vec4<u32>,
  b1: vec4<u32>,
}
@group(0) @binding(0) var<storage, read> condition: array<u32>;
@group(0) @binding(1) var<storage, read> a: array<u32>;
@group(0) @binding(2) var<storage, read> b: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;
@group(0) @binding(4) var<uniform> params: Params;

// Offsets in condition, a and b.
fn offsets(i: u32) -> vec3<u32> {
  if (!STRIDED) {
    return select(vec3(i), vec3(0u), vec3(CONDITION_IS_ONE, A_IS_ONE, B_IS_ONE));
  }
  let p = params;
  var rest = i;
  var at = vec3(0u);
  for (var k = 0u; k < 8u; k++) {
    let axis = 3u - k % 4u;
    let inner = k < 4u;
    let size = select(p.size0[axis], p.size1[axis], inner);
    if (size > 1u) {
      let outer_stride = vec3(p.c0[axis], p.a0[axis], p.b0[axis]);
      let inner_stride = vec3(p.c1[axis], p.a1[axis], p.b1[axis]);
      at += rest % size * select(outer_stride, inner_stride, vec3(inner));
      rest /= size;
    }
  }
  return at;
}

fn element(i: u32) {
  let at = offsets(i);
  if ((condition[at.x] & params.mask) != 0u) {
    y[i] = a[at.y];
  } else {
    y[i] = b[at.z];
  }
}
