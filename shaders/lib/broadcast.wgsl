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

// Offsets of the four elements of quad i in both sources. It steps along the innermost axis, so that most need no division.
fn broadcast_quad(i: u32) -> array<vec2<u32>, 4> {
  let p = params;
  var found: array<vec2<u32>, 4>;
  var at = broadcast_offsets(i * 4u, p.size0, p.size1, p.a0, p.a1, p.b0, p.b1);
  var inner = (i * 4u) % p.size1.y;
  for (var c = 0u; c < 4u; c++) {
    found[c] = at;
    inner++;
    at += vec2(p.a1.y, p.b1.y);
    if (inner == p.size1.y) {
      inner = 0u;
      at = broadcast_offsets(i * 4u + c + 1u, p.size0, p.size1, p.a0, p.a1, p.b0, p.b1);
    }
  }
  return found;
}
