// Batch norm of single Items, for kernels that normalise what they read (NORM): stats [6, C] of lib/batch_statistics.wgsl.
//!include "lib/batch_normalise.wgsl"
// A channel's constants and the place in its plane of an Item that they were fetched for.
struct ItemNorm {
  channel: ChannelNorm,
  place: u32,
}

fn item_norm(i: u32) -> ItemNorm {
  if (NORM) {
    return ItemNorm(channel_norm(i / params.area % params.channels), i % params.area);
  }
  return ItemNorm(ChannelNorm(0.0, 0.0, 1.0, 0.0), 0u);
}

// Those of Item i, which lies `step` behind the one before: fetched only where a plane ends, for two divisions and four loads
// are as much as a step of the neurons.
fn item_norm_after(before: ItemNorm, i: u32, step: u32) -> ItemNorm {
  var norm = before;
  norm.place += step;
  if (NORM && norm.place >= params.area) {
    norm = item_norm(i);
  }
  return norm;
}

fn normalised_item(v: Item, m: ItemNorm) -> Item {
  if (NORM) {
    return normalised(centred(v, m.channel), m.channel);
  }
  return v;
}
