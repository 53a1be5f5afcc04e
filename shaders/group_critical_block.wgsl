// The thresholds at which blocks, or their weights, become zero: what a target share of zeros ranks. A lane holds a block.
//!include "lib/index.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/group_table.wgsl"
//!include "lib/group_critical.wgsl"
const BLOCK: u32 = 8u;                   //!spec

fn block(row: GroupRow, c: u32) {
  let at = members(row, c, BLOCK);
  var x: array<f32, BLOCK>;
  for (var j = 0u; j < BLOCK; j++) {  //!unroll
    x[j] = select(0.0, values[at.first + min(j, at.size - 1u) * row.inner], j < at.size);
  }
  var d = 0.0;
  for (var step = 0u; step < STEPS; step++) {
    var sum = 0.0;
    var squares = 0.0;
    for (var j = 0u; j < BLOCK; j++) {  //!unroll
      let left = rest(x[j], d);
      sum += left;
      squares += left * left;
    }
    d = newton(d, sum, squares, at.size);
  }
  if (PER_GROUP) {
    scores[row.group + c - row.first] = ABOVE * d;
    return;
  }
  for (var j = 0u; j < BLOCK; j++) {  //!unroll
    if (j < at.size) {
      scores[at.first + j * row.inner] = critical(x[j], d);
    }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let index = flat_group(group, groups);
  if (index >= params.rows) {
    return;
  }
  let row = row_at(index);
  for (var turn = 0u; turn < 128u; turn += 64u) {
    let c = row.first + turn + lane;
    if (c < row.end) {
      block(row, c);
    }
  }
}
