// The operands a and b of a binary op at quad i. FAST: equal shapes. ONE: one side has a single element. Otherwise sizes and
// strides of the Params locate each element.
//!include "lib/broadcast.wgsl"
const ONE: u32 = 0u;                     //!spec   1: a has one element; 2: b has

struct Operands { u: vec4<f32>, v: vec4<f32> }

fn operands(i: u32) -> Operands {
  if (FAST) {
    return Operands(a[i], b[i]);
  }
  if (ONE == 1u) {
    return Operands(vec4(a[0].x), b[i]);
  }
  if (ONE == 2u) {
    return Operands(a[i], vec4(b[0].x));
  }
  var x: Operands;
  let at = broadcast_quad(i);
  for (var c = 0u; c < 4u; c++) {
    x.u[c] = a[at[c].x / 4u][at[c].x % 4u];
    x.v[c] = b[at[c].y / 4u][at[c].y % 4u];
  }
  return x;
}
