// Offsets of element i of a broadcast result in its two sources: six axes, outermost first, in two vec4 (two unused).
// Padding axes have size 1; all invocations skip their divisions alike.
fn broadcast_offsets(i: u32, size0: vec4<u32>, size1: vec4<u32>, a0: vec4<u32>, a1: vec4<u32>,
                     b0: vec4<u32>, b1: vec4<u32>) -> vec2<u32> {
  var rest = i;
  var at = vec2(0u);
  for (var k = 0u; k < 2u; k++) {
    let axis = 1u - k;
    if (size1[axis] > 1u) {
      let c = rest % size1[axis];
      rest = rest / size1[axis];
      at += vec2(c * a1[axis], c * b1[axis]);
    }
  }
  for (var k = 0u; k < 4u; k++) {
    let axis = 3u - k;
    if (size0[axis] > 1u) {
      let c = rest % size0[axis];
      rest = rest / size0[axis];
      at += vec2(c * a0[axis], c * b0[axis]);
    }
  }
  return at;
}
