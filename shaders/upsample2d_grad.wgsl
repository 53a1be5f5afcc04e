// Gradient of upsample2d: each source pixel gathers the output pixels that read it, in a fixed order.
//!include "lib/elements.wgsl"
//!include "lib/upsample.wgsl"
alias Act = f32;                         //!spec   element type of activations in memory
const ITEMS_PER_INVOCATION: u32 = 1u;
@group(0) @binding(0) var<storage, read> dy: array<Act>;
@group(0) @binding(1) var<storage, read_write> dx: array<Act>;
@group(0) @binding(2) var<uniform> params: Params;

// Output pixels [first, end) that may read source pixel `at`: a few more at both ends, for rounding.
fn readers(at: u32, input: u32, output: u32, ratio: f32) -> vec2<u32> {
  if (ratio <= 0.0) {
    return vec2(0u, output);
  }
  let offset = select(0.0, 0.5, BILINEAR && !ALIGNED);
  let reach = select(0.0, 1.0, BILINEAR);
  let begin = floor((f32(at) - reach + offset) / ratio - offset) - 1.0;
  let last = ceil((f32(at) + 1.0 + offset) / ratio - offset) + 2.0;
  // Positions beyond an edge are read at the edge.
  let first = select(u32(max(begin, 0.0)), 0u, at == 0u);
  let end = select(u32(max(last, 0.0)), output, at + 1u == input);
  return vec2(first, min(end, output));
}

// What source pixel `column` gets of one row of weights. Products stay apart: 0 times infinity is NaN, as in PyTorch.
fn row_part(share: f32, column: u32, t: Taps, g: f32) -> f32 {
  var part = 0.0;
  if (t.low == column) {
    part = share * (1.0 - t.share) * g;
  }
  if (BILINEAR && t.high == column) {
    part += share * t.share * g;
  }
  return part;
}

fn element(i: u32) {
  let p = params;
  let size = p.input;
  let out = p.output;
  let row = i / size.y % size.x;
  let column = i % size.y;
  let rows = readers(row, size.x, out.x, p.ratio.x);
  let columns = readers(column, size.y, out.y, p.ratio.y);
  let plane = i / (size.x * size.y) * out.x;
  var sum = 0.0;
  for (var r = rows.x; r < rows.y; r++) {
    let row_taps = taps(r, size.x, out.x, p.ratio.x);
    if (row_taps.low != row && row_taps.high != row) {
      continue;
    }
    for (var c = columns.x; c < columns.y; c++) {
      let column_taps = taps(c, size.y, out.y, p.ratio.y);
      if (column_taps.low != column && column_taps.high != column) {
        continue;
      }
      let g = f32(dy[(plane + r) * out.y + c]);
      if (row_taps.low == row) {
        sum += row_part(1.0 - row_taps.share, column, column_taps, g);
      }
      if (BILINEAR && row_taps.high == row) {
        sum += row_part(row_taps.share, column, column_taps, g);
      }
    }
  }
  dx[i] = Act(sum);
}
