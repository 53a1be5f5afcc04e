// A row of the table of a chunk's groups. For blocks: 128 neighbouring groups, which two lanes of a workgroup take in turn.
// For rows: one group, all weights of an output.
struct GroupRow {
  layer: u32,
  start: u32,                            // first weight: of the layer; of the group itself
  first: u32,                            // blocks: first group, counted in the layer
  end: u32,                              // blocks: groups of the layer
  inner: u32,                            // blocks: weights of one output; rows: members
  outputs: u32,                          // blocks: outputs of a convolution group, which no block crosses
  blocks: u32,                           // blocks: ceil(outputs / BLOCK); rows: 1 if the groups are single weights
  group: u32,                            // place of group `first` among the groups of the chunk
}

// Members of a block: weight `first` + j `inner` for j < `size`.
struct Members { first: u32, size: u32 }

// Group `c` of a layer: BLOCK neighbouring outputs at one place of the other axes. Neighbouring groups are at neighbouring places.
fn members(row: GroupRow, c: u32, block: u32) -> Members {
  let strip = c / row.inner;
  let place = c - strip * row.inner;
  let part = strip / row.blocks;
  let at = (strip - part * row.blocks) * block;
  return Members(row.start + (part * row.outputs + at) * row.inner + place, min(block, row.outputs - at));
}

// The row of workgroup `index`; past the last row, the last.
fn row_at(index: u32) -> GroupRow {
  return table[min(index, params.rows - 1u)];
}
