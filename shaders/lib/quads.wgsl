// The frame of an elementwise shader over arrays of vec4: result[i] = quad(i) for every group of four of params.n elements, and
// nothing behind the last element. The including shader declares `result`, quad() and ITEMS_PER_INVOCATION, a multiple of 4.
//!include "lib/index.wgsl"
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let start = flat_group(group, groups) * (16u * ITEMS_PER_INVOCATION) + lane;
  for (var k = 0u; k < ITEMS_PER_INVOCATION / 4u; k++) {
    let i = start + k * 64u;
    if (i * 4u < params.n) {
      let r = quad(i);
      if (i * 4u + 4u <= params.n) {
        result[i] = r;
      } else {
        for (var c = 0u; c < params.n % 4u; c++) {
          result[i][c] = r[c];
        }
      }
    }
  }
}
