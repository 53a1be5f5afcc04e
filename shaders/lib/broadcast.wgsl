// Offsets of elements of a broadcast result in its two sources. Sizes and strides of the last AXES of six merged axes count,
// outermost first, in two vec4 (two entries are unused). ROWS: the innermost axis is whole quads, and its size and the
// strides of a source that is read by quads count quads.
const AXES: u32 = 6u;                    //!spec
const ROWS: bool = false;                //!spec

// The axes, innermost first.
fn innermost_first(outer: vec4<u32>, inner: vec4<u32>) -> array<u32, 6> {
  return array(inner.y, inner.x, outer.w, outer.z, outer.y, outer.x);
}

// Offsets of element i, or of quad i by ROWS.
fn broadcast_offsets(i: u32) -> vec2<u32> {
  let p = params;
  let size = innermost_first(p.size0, p.size1);
  let a = innermost_first(p.a0, p.a1);
  let b = innermost_first(p.b0, p.b1);
  var rest = i;
  var at = vec2(0u);
  for (var k = 0u; k < AXES; k++) {  //!unroll
    let above = select(rest / size[k], 0u, k + 1u == AXES);
    at += (rest - above * size[k]) * vec2(a[k], b[k]);
    rest = above;
  }
  return at;
}

// Offsets of the four elements of quad i. It divides once and counts up from the first element to the others.
fn broadcast_quad(i: u32) -> array<vec2<u32>, 4> {
  let p = params;
  let size = innermost_first(p.size0, p.size1);
  let a = innermost_first(p.a0, p.a1);
  let b = innermost_first(p.b0, p.b1);
  var digit: array<u32, AXES>;
  var rest = i * 4u;
  var at = vec2(0u);
  for (var k = 0u; k < AXES; k++) {  //!unroll
    let above = select(rest / size[k], 0u, k + 1u == AXES);
    digit[k] = rest - above * size[k];
    at += digit[k] * vec2(a[k], b[k]);
    rest = above;
  }
  var found: array<vec2<u32>, 4>;
  found[0] = at;
  for (var c = 1u; c < 4u; c++) {  //!unroll
    var carry = true;
    for (var k = 0u; k < AXES; k++) {  //!unroll
      digit[k] += u32(carry);
      at += select(vec2(0u), vec2(a[k], b[k]), carry);
      carry = (digit[k] == size[k]) & (k + 1u < AXES);
      digit[k] = select(digit[k], 0u, carry);
      at -= select(vec2(0u), size[k] * vec2(a[k], b[k]), carry);
    }
    found[c] = at;
  }
  return found;
}
