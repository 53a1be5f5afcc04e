// Offset of element i of a result in a source with other strides: the last STRIDED_AXES of eight axes, outermost first, in two
// vec4.
const STRIDED_AXES: u32 = 8u;            //!spec
fn strided_offset(i: u32, size0: vec4<u32>, size1: vec4<u32>, stride0: vec4<u32>, stride1: vec4<u32>) -> u32 {
  let size = array(size1.w, size1.z, size1.y, size1.x, size0.w, size0.z, size0.y, size0.x);
  let stride = array(stride1.w, stride1.z, stride1.y, stride1.x, stride0.w, stride0.z, stride0.y, stride0.x);
  var rest = i;
  var at = 0u;
  for (var k = 0u; k < STRIDED_AXES; k++) {  //!unroll
    let above = select(rest / size[k], 0u, k + 1u == STRIDED_AXES);
    at += (rest - above * size[k]) * stride[k];
    rest = above;
  }
  return at;
}
