// Copies a slice of one axis: of both tensors seen as [outer, axis · inner], `width` neighbours from column x_first of each
// row of x to column y_first of the same row of y.
//!include "lib/elements.wgsl"
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params { n: u32, width: u32, x_row: u32, x_first: u32, y_row: u32, y_first: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32) {
  let row = i / params.width;
  let column = i % params.width;
  y[row * params.y_row + params.y_first + column] = x[row * params.x_row + params.x_first + column];
}
