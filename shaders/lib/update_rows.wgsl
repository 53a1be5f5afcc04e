// Walks the rows of a fused update with group thresholds: all weights of an output, a filter or a neuron. A workgroup handles one
// output: it adds up the squares of the moved weights, then moves them again and shrinks them. Nothing is stored between the passes.
//!include "lib/update_groups.wgsl"
//!include "lib/reduce_lanes.wgsl"

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let index = flat_group(group, groups);
  let inside = index < params.rows;
  let row = row_at(index);
  let single = row.blocks == 1u;         // groups of one weight
  begin(row.layer);
  var through: Through;
  if (TRUE_GRADIENT && !APPLIES) {
    var along = 0.0;
    var squares = 0.0;
    if (inside && !single) {
      for (var k = lane; k < row.inner; k += 64u) {
        let i = row.start + k;
        let x = soft(latent[i], now.x);
        squares += x * x;
        along += x * arrived(i, latent[i]);
      }
    }
    squares = lanes_sum(squares, lane, 1u);
    along = lanes_sum(along, lane, 1u);
    through = through_group(squares, along, row.inner);
    if (single) {
      through = Through(1.0, 0.0, now.x + now.y);
    }
  }
  var sum = 0.0;
  if (inside && prunes && !single) {
    for (var k = lane; k < row.inner; k += 64u) {
      let u = soft(moved(row.start + k, through).next, next.x);
      sum += u * u;
    }
  }
  let squares = lanes_sum(sum, lane, 1u);
  if (inside) {
    let factor = group_factor(squares, row.inner, next.y);
    for (var k = lane; k < row.inner; k += 64u) {
      let m = moved(row.start + k, through);
      var w = shrunk(soft(m.next, next.x), factor);
      if (single) {
        w = soft(m.next, next.x + next.y);
      }
      finish(row.start + k, m, w);
    }
  }
  hand_over(row.layer, lane, inside, !single);
}
