// A channel's constants as batch_statistics.wgsl keeps them, and y made of them. The backward kernels make y again to see
// which numbers ReLU let pass: fma, not a product and a sum that a compiler may join in one kernel and not in another.
struct ChannelNorm {
  shift: f32,
  mean: f32,                 // relative to shift
  scale: f32,
  offset: f32,
}

fn channel_norm(c: u32) -> ChannelNorm {
  let row = params.channels;
  return ChannelNorm(stats[2u * row + c], stats[3u * row + c], stats[4u * row + c], stats[5u * row + c]);
}

fn centred(v: Item, m: ChannelNorm) -> Item {
  return v - m.shift - m.mean;
}

fn normalised(centre: Item, m: ChannelNorm) -> Item {
  return fma(centre, Item(m.scale), Item(m.offset));
}
