// Walks the blocks of a fused update with group thresholds: BLOCK neighbouring outputs at one place of the other axes. One pass, as a
// lane holds the members of a block; neighbouring lanes take neighbouring places, so that their loads are next to each other.
//!include "lib/update_groups.wgsl"
const BLOCK: u32 = 8u;                   //!spec

fn block(row: GroupRow, c: u32) {
  let at = members(row, c, BLOCK);
  // Without a branch: a smaller block reads its last member again.
  let last = at.size - 1u;
  var through: Through;
  if (TRUE_GRADIENT && !APPLIES) {
    var along = 0.0;
    var squares = 0.0;
    for (var j = 0u; j < at.size; j++) {
      let i = at.first + j * row.inner;
      let x = soft(latent[i], now.x);
      squares += x * x;
      along += x * arrived(i, latent[i]);
    }
    through = through_group(squares, along, at.size);
  }
  var m: array<Moved, BLOCK>;
  var u: array<f32, BLOCK>;
  var squares = 0.0;
  for (var j = 0u; j < BLOCK; j++) {  //!unroll
    m[j] = moved(at.first + min(j, last) * row.inner, through);
    u[j] = soft(m[j].next, next.x);
    squares += select(0.0, u[j] * u[j], j < at.size);
  }
  let factor = group_factor(squares, at.size, next.y);
  var is_alive = false;
  for (var j = 0u; j < BLOCK; j++) {  //!unroll
    if (j < at.size) {
      is_alive = finish(at.first + j * row.inner, m[j], shrunk(u[j], factor)) | is_alive;
    }
  }
  live += select(0u, 1u, is_alive);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let index = flat_group(group, groups);
  let inside = index < params.rows;
  let row = row_at(index);
  begin(row.layer);
  for (var turn = 0u; turn < 128u; turn += 64u) {
    let c = row.first + turn + lane;
    if (inside && c < row.end) {
      block(row, c);
    }
  }
  hand_over(row.layer, lane, inside, false);
}
