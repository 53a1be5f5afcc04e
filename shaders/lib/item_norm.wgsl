// Batch norm of single Items, for kernels that normalise what they read (NORM): stats [6, C] of lib/batch_statistics.wgsl.
//!include "lib/batch_normalise.wgsl"
fn item_norm(i: u32) -> ChannelNorm {
  if (NORM) {
    return channel_norm(i / params.area % params.channels);
  }
  return ChannelNorm(0.0, 0.0, 1.0, 0.0);
}

fn normalised_item(v: Item, m: ChannelNorm) -> Item {
  if (NORM) {
    return normalised(centred(v, m), m);
  }
  return v;
}
