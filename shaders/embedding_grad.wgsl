// dweight[r] = the sum of dy over the positions that name row r, in their order; 0 for a row without any.
//!include "lib/elements.wgsl"
alias Item = f32;                        //!spec   f32 or vec4<f32>
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, width: u32 }     // Items of dweight and of a row
@group(0) @binding(0) var<storage, read> dy: array<Item>;                // [positions, width]
@group(0) @binding(1) var<storage, read> starts: array<u32>;
@group(0) @binding(2) var<storage, read> ends: array<u32>;
@group(0) @binding(3) var<storage, read> order: array<u32>;
@group(0) @binding(4) var<storage, read_write> dweight: array<Item>;
@group(0) @binding(5) var<uniform> params: Params;

fn element(i: u32) {
  let row = i / params.width;
  let column = i % params.width;
  // Blocks of 32 terms are summed apart first: the rounding error grows with the block count, not the term count.
  var sum = Item(0.0);
  var s = starts[row];
  let end = ends[row];
  while (s < end) {
    var block = Item(0.0);
    for (var c = 0u; c < 32u && s < end; c++) {
      block += dy[order[s] * params.width + column];
      s++;
    }
    sum += block;
  }
  dweight[i] = sum;
}
