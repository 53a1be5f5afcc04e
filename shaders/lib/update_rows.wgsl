// Walks the rows of a fused update with group thresholds: all weights of an output, a filter or a neuron. A workgroup handles one
// output: it adds up the squares of the moved weights, then moves them again and shrinks them. Nothing is stored between the passes.
//!include "lib/update_groups.wgsl"
const LANES: u32 = 64u;                  //!spec   lanes of a workgroup, a power of two: on software adapters those of a subgroup

var<workgroup> parts: array<f32, LANES>;

// The sum over the lanes: a fixed tree, so that equal inputs give equal bits. Call it in uniform control flow.
fn row_sum(value: f32, lane: u32) -> f32 {
  workgroupBarrier();
  parts[lane] = value;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half >>= 1u) {
    if (lane < half) {
      parts[lane] += parts[lane + half];
    }
    workgroupBarrier();
  }
  return parts[0];
}

@compute @workgroup_size(LANES)
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
      for (var k = lane; k < row.inner; k += LANES) {
        let i = row.start + k;
        let x = soft(latent[i], now.x);
        squares += x * x;
        along += x * arrived(i, latent[i]);
      }
    }
    squares = row_sum(squares, lane);
    along = row_sum(along, lane);
    through = through_group(squares, along, row.inner);
    if (single) {
      through = Through(1.0, 0.0, now.x + now.y);
    }
  }
  var sum = 0.0;
  if (inside && prunes && !single) {
    for (var k = lane; k < row.inner; k += LANES) {
      let u = soft(moved(row.start + k, through).next, next.x);
      sum += u * u;
    }
  }
  let squares = row_sum(sum, lane);
  if (inside) {
    let factor = group_factor(squares, row.inner, next.y);
    for (var k = lane; k < row.inner; k += LANES) {
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
