// dy as it arrives at batch norm's output, before the ReLU that follows.
fn gated(j: u32, centre: Item, norm: ChannelNorm) -> Item {
  let g = dy[j];
  if (!RELU) {
    return g;
  }
  if (RESIDUAL) {
    return item_relu_grad(y[j], g);
  }
  return item_relu_grad(normalised(centre, norm), g);
}
