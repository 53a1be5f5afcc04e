// dx = the sum of dy over the positions whose index names an entry, in their order. dx was cleared before: only the first
// position of each chain (gather_links.wgsl) writes.
//!include "lib/elements.wgsl"
alias Item = f32;                        //!spec   f32 or vec4<f32>
const SHARED: bool = false;              //!spec   one index for a row of `inner` Items
const FIRST: u32 = 0x80000000u;
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params {
  n: u32,                    // Items of dy
  rows: u32,                 // entries of dx along the axis
  length: u32,               // entries of dy
  inner: u32,                // Items of a row
  skipped: i32,              // an index without a gradient; -1: none
}
@group(0) @binding(0) var<storage, read> dy: array<Item>;
@group(0) @binding(1) var<storage, read> index: array<i32>;
@group(0) @binding(2) var<storage, read> links: array<u32>;
@group(0) @binding(3) var<storage, read_write> dx: array<Item>;
@group(0) @binding(4) var<uniform> params: Params;

fn element(i: u32) {
  let p = params;
  let row = i / p.inner;
  let lane = i % p.inner;
  let at = select(i, row, SHARED);
  let entry = index[at];
  var link = links[at];
  if ((link & FIRST) == 0u || entry < 0 || u32(entry) >= p.rows || entry == p.skipped) {
    return;
  }
  let first_row = row - row % p.length;
  var k = row % p.length;
  // Blocks of 32 terms are summed apart first: the rounding error grows with the block count, not the term count.
  var sum = Item(0.0);
  while (k < p.length) {
    var block = Item(0.0);
    for (var c = 0u; c < 32u && k < p.length; c++) {
      block += dy[(first_row + k) * p.inner + lane];
      k = links[select((first_row + k) * p.inner + lane, first_row + k, SHARED)] & ~FIRST;
    }
    sum += block;
  }
  dx[(row / p.length * p.rows + u32(entry)) * p.inner + lane] = sum;
}
