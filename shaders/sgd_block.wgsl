// SGD with a sparse-group soft threshold on blocks: BLOCK neighbouring outputs at one place of the other axes. One pass, as a
// lane holds the members of a block; neighbouring lanes take neighbouring places, so that their loads are next to each other.
//   latent   theta_next = theta - lr v_next;  w_next = prox(theta_next; d1, d2)       d1 + d2 = d_next
//   inplace  w_next = prox(w - lr v_next; d1, d2)                                     d1 + d2 = d_next - d
//!include "lib/update_groups.wgsl"
const BLOCK: u32 = 8u;                   //!spec

fn block(row: GroupRow, c: u32) {
  let at = members(row, c, BLOCK);
  var m: array<Moved, BLOCK>;
  var u: array<f32, BLOCK>;
  var squares = 0.0;
  for (var j = 0u; j < BLOCK; j++) {  //!unroll
    // Without a branch: a smaller block reads its last member again.
    m[j] = moved(at.first + min(j, at.size - 1u) * row.inner);
    u[j] = soft(m[j].next, d1);
    squares += select(0.0, u[j] * u[j], j < at.size);
  }
  let factor = group_factor(squares, at.size, d2);
  for (var j = 0u; j < BLOCK; j++) {  //!unroll
    if (j < at.size) {
      finish(at.first + j * row.inner, m[j], shrunk(u[j], factor));
    }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let index = flat_group(group, groups);
  let inside = index < params.rows;
  let row = table[min(index, params.rows - 1u)];
  begin();
  for (var turn = 0u; turn < 128u; turn += 64u) {
    let c = row.first + turn + lane;
    if (inside && c < row.end) {
      block(row, c);
    }
  }
  hand_over(row.layer, lane, inside);
}
