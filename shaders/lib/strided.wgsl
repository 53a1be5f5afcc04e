// Offset of element i of a result in a source with other strides: eight axes, outermost first, in two vec4. Axes of size 1 are
// skipped.
fn strided_offset(i: u32, size0: vec4<u32>, size1: vec4<u32>, stride0: vec4<u32>, stride1: vec4<u32>) -> u32 {
  var rest = i;
  var at = 0u;
  for (var k = 0u; k < 8u; k++) {
    let axis = 3u - k % 4u;
    let size = select(size0[axis], size1[axis], k < 4u);
    if (size > 1u) {
      at += rest % size * select(stride0[axis], stride1[axis], k < 4u);
      rest /= size;
    }
  }
  return at;
}
