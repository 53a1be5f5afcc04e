// dx = the sum of dy over the positions whose index names an element, in their order. dx was cleared before: only the first
// position of each chain (gather_links.wgsl) writes.
//!include "lib/elements.wgsl"
alias Act = f32;                         //!spec   element type of activations in memory
const FIRST: u32 = 0x80000000u;
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params {
  n: u32,                    // elements of dy: outer · length · inner
  rows: u32,                 // entries of dx along the axis
  length: u32,               // entries of dy
  inner: u32,
}
@group(0) @binding(0) var<storage, read> dy: array<Act>;
@group(0) @binding(1) var<storage, read> index: array<i32>;
@group(0) @binding(2) var<storage, read> links: array<u32>;
@group(0) @binding(3) var<storage, read_write> dx: array<Act>;
@group(0) @binding(4) var<uniform> params: Params;

fn element(i: u32) {
  let p = params;
  let entry = index[i];
  if ((links[i] & FIRST) == 0u || entry < 0 || u32(entry) >= p.rows) {
    return;
  }
  let row = i / p.inner;
  let lane = i % p.inner;
  let outer = row / p.length;
  let base = outer * p.length * p.inner + lane;
  var k = row % p.length;
  // Blocks of 32 terms are summed apart first: the rounding error grows with the block count, not the term count.
  var sum = 0.0;
  while (k < p.length) {
    var block = 0.0;
    for (var c = 0u; c < 32u && k < p.length; c++) {
      let at = base + k * p.inner;
      block += f32(dy[at]);
      k = links[at] & ~FIRST;
    }
    sum += block;
  }
  dx[(outer * p.rows + u32(entry)) * p.inner + lane] = Act(sum);
}
