// Walks over up to three axes, outermost first (the fourth entry is unused).
fn axes_offset(flat: u32, size: vec4<u32>, stride: vec4<u32>) -> u32 {
  // Most reductions have one axis of a kind, and divisions are slow.
  if (size.x == 1u && size.y == 1u) {
    return flat * stride.z;
  }
  let c = flat % size.z;
  let ab = flat / size.z;
  return (ab / size.y) * stride.x + (ab % size.y) * stride.y + c * stride.z;
}

struct AxesWalk {
  at: u32,                   // offset
  y: u32,                    // places on the last two axes
  z: u32,
}

// The walk at place `flat`.
fn axes_walk(base: u32, flat: u32, size: vec4<u32>, stride: vec4<u32>) -> AxesWalk {
  let at = base + axes_offset(flat, size, stride);
  if (size.x == 1u && size.y == 1u) {
    return AxesWalk(at, 0u, flat);
  }
  return AxesWalk(at, flat / size.z % size.y, flat % size.z);
}

// A fixed number of places on, by additions: src/autograd/reduce_axes.ts has `step` and `wrap`.
fn axes_step(walk: AxesWalk, size: vec4<u32>, step: vec4<u32>, wrap: vec4<u32>) -> AxesWalk {
  let z = walk.z + step.z;
  let ends_z = z >= size.z;
  let y = walk.y + step.y + select(0u, 1u, ends_z);
  let ends_y = y >= size.y;
  return AxesWalk(walk.at + wrap.w + select(0u, wrap.z, ends_z) + select(0u, wrap.y, ends_y),
                  select(y, y - size.y, ends_y), select(z, z - size.z, ends_z));
}
