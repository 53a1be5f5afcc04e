// Copies a slice of one axis: of both tensors seen as [outer, axis · inner], `width` neighbours from column x_first of each
// row of x to column y_first of the same row of y. Copies bits, so that any dtype works.
//!include "lib/elements.wgsl"
alias Item = vec4<u32>;                  //!spec   u32 or f16; of vec4 where sizes and places are multiples of four
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params { n: u32, width: u32, x_row: u32, x_first: u32, y_row: u32, y_first: u32 }  // in Items
@group(0) @binding(0) var<storage, read> x: array<Item>;
@group(0) @binding(1) var<storage, read_write> y: array<Item>;
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32) {
  let p = params;
  let row = i / p.width;
  let column = i - row * p.width;
  y[row * p.y_row + p.y_first + column] = x[row * p.x_row + p.x_first + column];
}
