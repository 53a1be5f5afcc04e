// The frame of an elementwise shader: calls element(i) for every i < params.n. The including shader declares element() and
// ITEMS_PER_INVOCATION. Neighbouring lanes take neighbouring elements.
//!include "lib/index.wgsl"
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let start = flat_group(group, groups) * (64u * ITEMS_PER_INVOCATION) + lane;
  for (var k = 0u; k < ITEMS_PER_INVOCATION; k++) {
    let i = start + k * 64u;
    if (i < params.n) {
      element(i);
    }
  }
}
