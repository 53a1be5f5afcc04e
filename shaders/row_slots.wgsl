// Writes each position into a slot of its row, in any order, and moves the row's end behind it. row_order.wgsl sorts.
//!include "lib/elements.wgsl"
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params { n: u32, rows: u32, skipped: i32 }
@group(0) @binding(0) var<storage, read> index: array<i32>;
@group(0) @binding(1) var<storage, read_write> ends: array<atomic<u32>>;
@group(0) @binding(2) var<storage, read_write> slots: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

fn element(i: u32) {
  let row = index[i];
  if (row >= 0 && u32(row) < params.rows && row != params.skipped) {
    slots[atomicAdd(&ends[row], 1u)] = i;
  }
}
