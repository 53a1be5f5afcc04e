// STR on blocks: the sums of lib/str_group.wgsl of each row of the table. A lane holds a block.
//!include "lib/str_group.wgsl"
const BLOCK: u32 = 8u;                   //!spec

fn block(row: GroupRow, c: u32) -> f32 {
  let at = members(row, c, BLOCK);
  var sum = vec4(0.0);
  for (var j = 0u; j < at.size; j++) {
    sum += terms(at.first + j * row.inner);
  }
  return group_part(sum, at.size);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let index = flat_group(group, groups);
  let row = row_at(index);
  begin(row.layer);
  var part = 0.0;
  for (var turn = 0u; turn < 128u; turn += 64u) {
    let c = row.first + turn + lane;
    if (index < params.rows && c < row.end) {
      part += block(row, c);
    }
  }
  hand_over(part, index, lane);
}
