// Sorts the positions of each row: a position moves behind all smaller ones of its row.
//!include "lib/elements.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, rows: u32, skipped: i32 }
@group(0) @binding(0) var<storage, read> index: array<i32>;
@group(0) @binding(1) var<storage, read> starts: array<u32>;
@group(0) @binding(2) var<storage, read> ends: array<u32>;
@group(0) @binding(3) var<storage, read> slots: array<u32>;
@group(0) @binding(4) var<storage, read_write> order: array<u32>;
@group(0) @binding(5) var<uniform> params: Params;

fn element(i: u32) {
  let row = index[i];
  if (row >= 0 && u32(row) < params.rows && row != params.skipped) {
    var at = starts[row];
    for (var s = starts[row]; s < ends[row]; s++) {
      at += select(0u, 1u, slots[s] < i);
    }
    order[at] = i;
  }
}
