// SGD with a sparse-group soft threshold on all weights of an output: a filter, or a neuron. A workgroup handles one output: it
// adds up the squares of the moved weights, then moves them again and shrinks them. Nothing is stored between the two passes.
//   latent   theta_next = theta - lr v_next;  w_next = prox(theta_next; d1, d2)       d1 + d2 = d_next
//   inplace  w_next = prox(w - lr v_next; d1, d2)                                     d1 + d2 = d_next - d
//!include "lib/update_groups.wgsl"
//!include "lib/reduce_lanes.wgsl"

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let index = flat_group(group, groups);
  let inside = index < params.rows;
  let row = table[min(index, params.rows - 1u)];
  begin();
  var sum = 0.0;
  if (inside && prunes && row.blocks == 0u) {
    for (var k = lane; k < row.inner; k += 64u) {
      let u = soft(moved(row.start + k).next, d1);
      sum += u * u;
    }
  }
  let squares = lanes_sum(sum, lane, 1u);
  if (inside) {
    let factor = group_factor(squares, row.inner, d2);
    for (var k = lane; k < row.inner; k += 64u) {
      let m = moved(row.start + k);
      var w = shrunk(soft(m.next, d1), factor);
      if (row.blocks == 1u) {
        w = soft(m.next, d1 + d2);       // a group of one weight
      }
      finish(row.start + k, m, w);
    }
  }
  hand_over(row.layer, lane, inside);
}
