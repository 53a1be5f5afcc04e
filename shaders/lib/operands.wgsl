// The operands a and b of a binary op at quad i. FAST: equal shapes. ONE: one side has a single element. Otherwise sizes and
// strides of the Params locate each element, or by ROWS each quad.
//!include "lib/broadcast.wgsl"
alias ActA = f32;                        //!spec   element types of a and b
alias ActB = f32;                        //!spec
const ONE: u32 = 0u;                     //!spec   1: a has one element; 2: b has
const A_WIDE: bool = false;              //!spec   ROWS: whether a is read by quads; else one element is repeated
const B_WIDE: bool = false;              //!spec

struct Operands { u: vec4<f32>, v: vec4<f32> }

fn a_element(at: u32) -> f32 {
  return f32(a[at / 4u][at % 4u]);
}

fn b_element(at: u32) -> f32 {
  return f32(b[at / 4u][at % 4u]);
}

fn operands(i: u32) -> Operands {
  if (FAST) {
    return Operands(vec4<f32>(a[i]), vec4<f32>(b[i]));
  }
  if (ONE == 1u) {
    return Operands(vec4(f32(a[0].x)), vec4<f32>(b[i]));
  }
  if (ONE == 2u) {
    return Operands(vec4<f32>(a[i]), vec4(f32(b[0].x)));
  }
  var x: Operands;
  if (ROWS) {
    let at = broadcast_offsets(i);
    if (A_WIDE) {
      x.u = vec4<f32>(a[at.x]);
    } else {
      x.u = vec4(a_element(at.x));
    }
    if (B_WIDE) {
      x.v = vec4<f32>(b[at.y]);
    } else {
      x.v = vec4(b_element(at.y));
    }
    return x;
  }
  let at = broadcast_quad(i);
  for (var c = 0u; c < 4u; c++) {  //!unroll
    x.u[c] = a_element(at[c].x);
    x.v[c] = b_element(at[c].y);
  }
  return x;
}
