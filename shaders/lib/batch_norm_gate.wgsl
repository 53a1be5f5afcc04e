// dy as it arrives at batch norm's output, before what came AFTER.
fn gated(j: u32, centre: Item, norm: ChannelNorm) -> Item {
  let g = dy[j];
  if (AFTER == 1u) {
    return item_relu_grad(normalised(centre, norm), g);
  }
  if (AFTER == 2u) {
    return item_relu_grad(y[j], g);
  }
  return g;
}
