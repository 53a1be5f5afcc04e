// Rows of layer and group norm: x [rows, length], each row normalised with its own mean and variance. The weight of element j
// of row r is number (r % groups) · per_group + j / plane. Needs lib/rows.wgsl and Params with those fields.
struct RowStats {
  shift: f32,                // the row's first number: near enough to its mean for the digits of x - shift to last
  mean: f32,                 // of x - shift
  invstd: f32,
}

// The weight of an element, and the element's place in its plane. An invocation divides once and then steps LANES elements.
struct WeightWalk {
  at: u32,
  place: u32,
}

fn weight_walk(row: u32, j: u32) -> WeightWalk {
  return WeightWalk(row % params.groups * params.per_group + j / params.plane, j % params.plane);
}

fn weight_hop() -> WeightWalk {
  return WeightWalk(LANES / params.plane, LANES % params.plane);
}

fn weight_step(walk: WeightWalk, hop: WeightWalk, plane: u32) -> WeightWalk {
  let place = walk.place + hop.place;
  let ends = place >= plane;
  return WeightWalk(walk.at + hop.at + select(0u, 1u, ends), select(place, place - plane, ends));
}
