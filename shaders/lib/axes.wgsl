// Offset of a flat index over up to three axes, outermost first (the fourth entry is unused).
fn axes_offset(flat: u32, size: vec4<u32>, stride: vec4<u32>) -> u32 {
  let c = flat % size.z;
  let ab = flat / size.z;
  return (ab / size.y) * stride.x + (ab % size.y) * stride.y + c * stride.z;
}
