// Offsets of EACH neighbouring elements of a result, from element i on, in a source with other strides: the last STRIDED_AXES of
// eight axes, outermost first, in two vec4. It divides once and counts up from the first element to the others.
const STRIDED_AXES: u32 = 8u;            //!spec
const EACH: u32 = 1u;                    //!spec   1 or 4
fn strided_offsets(i: u32, size0: vec4<u32>, size1: vec4<u32>, stride0: vec4<u32>, stride1: vec4<u32>) -> array<u32, EACH> {
  let size = array(size1.w, size1.z, size1.y, size1.x, size0.w, size0.z, size0.y, size0.x);
  let stride = array(stride1.w, stride1.z, stride1.y, stride1.x, stride0.w, stride0.z, stride0.y, stride0.x);
  var digit: array<u32, STRIDED_AXES>;
  var rest = i;
  var at = 0u;
  for (var k = 0u; k < STRIDED_AXES; k++) {  //!unroll
    let above = select(rest / size[k], 0u, k + 1u == STRIDED_AXES);
    digit[k] = rest - above * size[k];
    at += digit[k] * stride[k];
    rest = above;
  }
  var found: array<u32, EACH>;
  found[0] = at;
  for (var e = 1u; e < EACH; e++) {  //!unroll
    var carry = true;
    for (var k = 0u; k < STRIDED_AXES; k++) {  //!unroll
      digit[k] += u32(carry);
      at += select(0u, stride[k], carry);
      carry = (digit[k] == size[k]) & (k + 1u < STRIDED_AXES);
      digit[k] = select(digit[k], 0u, carry);
      at -= select(0u, size[k] * stride[k], carry);
    }
    found[e] = at;
  }
  return found;
}
