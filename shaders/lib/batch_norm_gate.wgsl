// Gradient g of the output at the input of the ReLU; out: the output, for a ReLU behind a residual.
fn gated(g: Item, centre: Item, out: Item, norm: ChannelNorm) -> Item {
  if (!RELU) {
    return g;
  }
  if (RESIDUAL) {
    return item_relu_grad(out, g);
  }
  return item_relu_grad(normalised(centre, norm), g);
}
