// The operands a and b of a binary op at quad i. FAST: equal shapes. Otherwise sizes and strides of the Params locate each
// element.
//!include "lib/broadcast.wgsl"

struct Operands { u: vec4<f32>, v: vec4<f32> }

fn operands(i: u32) -> Operands {
  if (FAST) {
    return Operands(a[i], b[i]);
  }
  var x: Operands;
  let at = broadcast_quad(i);
  for (var c = 0u; c < 4u; c++) {
    x.u[c] = a[at[c].x / 4u][at[c].x % 4u];
    x.v[c] = b[at[c].y / 4u][at[c].y % 4u];
  }
  return x;
}
