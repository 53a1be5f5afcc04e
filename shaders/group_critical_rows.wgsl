// The thresholds at which filters or neurons, or their weights, become zero: what a target share of zeros ranks. A workgroup
// handles one of them.
//!include "lib/index.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/group_table.wgsl"
//!include "lib/group_critical.wgsl"
//!include "lib/reduce_lanes.wgsl"

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let index = flat_group(group, groups);
  let inside = index < params.rows;
  let row = row_at(index);
  let single = row.blocks == 1u;
  var d = 0.0;
  for (var step = 0u; step < STEPS; step++) {
    var sum = 0.0;
    var squares = 0.0;
    if (inside && !single) {
      for (var k = lane; k < row.inner; k += 64u) {
        let left = rest(values[row.start + k], d);
        sum += left;
        squares += left * left;
      }
    }
    sum = lanes_sum(sum, lane, 1u);
    squares = lanes_sum(squares, lane, 1u);
    d = newton(d, sum, squares, row.inner);
  }
  if (!inside) {
    return;
  }
  if (PER_GROUP) {
    if (lane == 0u && !single) {
      scores[row.group] = ABOVE * d;
    }
    return;
  }
  for (var k = lane; k < row.inner; k += 64u) {
    let x = values[row.start + k];
    scores[row.start + k] = select(critical(x, d), abs(x), single);
  }
}
