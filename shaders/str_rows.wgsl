// STR on filters or neurons: the sums of lib/str_group.wgsl of each row of the table. A workgroup handles one of them.
//!include "lib/str_group.wgsl"

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let index = flat_group(group, groups);
  let row = row_at(index);
  let single = row.blocks == 1u;         // groups of one weight
  begin(row.layer);
  var sum = vec4(0.0);
  if (index < params.rows) {
    for (var k = lane; k < row.inner; k += 64u) {
      if (single) {
        let i = row.start + k;
        sum.z += select(0.0, gradient[i] * sign(latent[i]), abs(latent[i]) > now.x + now.y);
      } else {
        sum += terms(row.start + k);
      }
    }
  }
  let whole = vec4(lanes_sum(sum.x, lane, 1u), lanes_sum(sum.y, lane, 1u), lanes_sum(sum.z, lane, 1u), lanes_sum(sum.w, lane, 1u));
  if (lane == 0u && index < params.rows) {
    sums[index] = vec4(select(group_part(whole, row.inner), whole.z, single), 0.0, 0.0, 0.0);
  }
}
