// The frame of an elementwise shader: calls element(i) for every i < params.n. The including shader declares element() and
// ITEMS_PER_INVOCATION. Neighbouring lanes take neighbouring elements. An invocation's elements are 256 apart: with vec4 each
// is in another page, which a processor prefetches as one stream.
//!include "lib/index.wgsl"
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let start = flat_group(group, groups) * (256u * ITEMS_PER_INVOCATION) + lane;
  for (var k = 0u; k < ITEMS_PER_INVOCATION; k++) {
    let i = start + k * 256u;
    if (i < params.n) {
      element(i);
    }
  }
}
