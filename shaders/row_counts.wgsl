// Counts how often an index names each row. Sums of integers do not depend on the order of atomic additions.
//!include "lib/elements.wgsl"
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params { n: u32, rows: u32, skipped: i32 }                       // skipped: a row that is not counted; -1: none
@group(0) @binding(0) var<storage, read> index: array<i32>;
@group(0) @binding(1) var<storage, read_write> counts: array<atomic<u32>>;  // [rows], cleared before
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32) {
  let row = index[i];
  if (row >= 0 && u32(row) < params.rows && row != params.skipped) {
    atomicAdd(&counts[row], 1u);
  }
}
