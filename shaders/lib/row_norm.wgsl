// Rows of layer and group norm: x [rows, length], each row normalised with its own mean and variance. The weight of element j
// of row r is number (r % groups) · per_group + j / plane. LANES invocations share a row. Needs LANES, ROWS and lib/reduce_lanes.wgsl.
struct RowStats {
  shift: f32,                // the row's first number: near enough to its mean for the digits of x - shift to last
  mean: f32,                 // of x - shift
  invstd: f32,
}

fn weight_index(row: u32, j: u32) -> u32 {
  return row % params.groups * params.per_group + j / params.plane;
}

// Sum of the numbers of the invocations that share a row, for each of them.
fn row_sum(value: f32, lane: u32) -> f32 {
  if (LANES > 1u) {
    return lanes_sum(value, lane, ROWS);
  }
  return value;
}
