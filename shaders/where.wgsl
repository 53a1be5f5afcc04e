// y = a where the condition is not zero, else b, with broadcasting. Copies bits, so that any dtype works.
//!include "lib/elements.wgsl"
alias Item = u32;                        //!spec   u32 or f16; of vec4 where all have the shape of y, whole quads
alias Test = u32;                        //!spec   the same for the condition
alias Flag = bool;                       //!spec   bool or vec4<bool>
const STRIDED: bool = false;             //!spec   otherwise each operand has the shape of y, or a single element (ONE)
const CONDITION_IS_ONE: bool = false;    //!spec
const A_IS_ONE: bool = false;            //!spec
const B_IS_ONE: bool = false;            //!spec
const AXES: u32 = 8u;                    //!spec   those that count, the last
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
@group(0) @binding(0) var<storage, read> condition: array<Test>;
@group(0) @binding(1) var<storage, read> a: array<Item>;
@group(0) @binding(2) var<storage, read> b: array<Item>;
@group(0) @binding(3) var<storage, read_write> y: array<Item>;
@group(0) @binding(4) var<uniform> params: Params;

fn holds(c: Test) -> Flag { return (c & Test(params.mask)) != Test(0u); }  //!spec

fn innermost_first(outer: vec4<u32>, inner: vec4<u32>) -> array<u32, 8> {
  return array(inner.w, inner.z, inner.y, inner.x, outer.w, outer.z, outer.y, outer.x);
}

// Offsets in condition, a and b.
fn offsets(i: u32) -> vec3<u32> {
  if (!STRIDED) {
    return select(vec3(i), vec3(0u), vec3(CONDITION_IS_ONE, A_IS_ONE, B_IS_ONE));
  }
  let p = params;
  var rest = i;
  var at = vec3(0u);
  let size = innermost_first(p.size0, p.size1);
  let c = innermost_first(p.c0, p.c1);
  let of_a = innermost_first(p.a0, p.a1);
  let of_b = innermost_first(p.b0, p.b1);
  for (var k = 0u; k < AXES; k++) {  //!unroll
    let above = select(rest / size[k], 0u, k + 1u == AXES);
    at += (rest - above * size[k]) * vec3(c[k], of_a[k], of_b[k]);
    rest = above;
  }
  return at;
}

fn element(i: u32) {
  let at = offsets(i);
  y[i] = select(b[at.z], a[at.y], holds(condition[at.x]));
}
