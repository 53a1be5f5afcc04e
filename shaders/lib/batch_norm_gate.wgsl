// dy as it arrives at batch norm's output, before what came AFTER.
fn gated(j: u32, centre: Item, norm: ChannelNorm) -> Item {
  let g = dy[j];
  if (AFTER == 1u) {
    return select(Item(0.0), g, normalised(centre, norm) > Item(0.0));
  }
  if (AFTER == 2u) {
    return select(Item(0.0), g, y[j] > Item(0.0));
  }
  return g;
}
