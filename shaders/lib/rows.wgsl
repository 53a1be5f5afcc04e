// Rows of which LANES invocations of a workgroup of 64 share each. Neighbouring lanes serve neighbouring rows; one row's lanes take
// its elements in turn, each TURNS at once: loads first, so that they are under way together.
//!include "lib/reduce_lanes.wgsl"
alias Act = f32;                         //!spec   element type of activations in memory
const LANES: u32 = 64u;                  //!spec   1, 8 or 64
const TURNS: u32 = 4u;                   //!spec   loads of an invocation before it waits for the first
const ROWS: u32 = 64u / LANES;           // of one workgroup

// The row of a lane, also behind the last one. By masks and shifts: software drivers divide by constants.
fn row_of(flat_group: u32, lane: u32) -> u32 {
  return flat_group * ROWS + (lane & (ROWS - 1u));
}

// The first element of a lane.
fn own_first(lane: u32) -> u32 {
  return lane >> firstTrailingBit(ROWS);
}

// Sum of the numbers of the invocations that share a row, for each of them.
fn row_sum(value: f32, lane: u32) -> f32 {
  if (LANES > 1u) {
    return lanes_sum(value, lane, ROWS);
  }
  return value;
}

fn row_max(value: f32, lane: u32) -> f32 {
  if (LANES > 1u) {
    return lanes_max(value, lane, ROWS);
  }
  return value;
}
