// One workgroup of 64 walks a slice of one channel of [N, C, area], counted as if the channel's planes lay side by side.
// An Item is what one load brings: four neighbours of a plane where planes are multiples of four, else one. Everything
// here counts Items. The host divides once (src/ops/norm/layout.ts), so a step costs two additions and a comparison.
alias Item = vec4<f32>;                  //!spec   f32 or vec4<f32>
alias Bits = vec4<u32>;                  //!spec   u32 or vec4<u32>, as Item
const WIDE: bool = true;                 //!spec   whether an Item is a vec4
const ITEM_WIDTH: f32 = select(1.0, 4.0, WIDE);

struct ChannelWalk {
  j: u32,                    // in the tensor
  p: u32,                    // in its plane
}

fn channel_walk(c: u32, i: u32) -> ChannelWalk {
  let p = i % params.area;
  return ChannelWalk((i / params.area * params.channels + c) * params.area + p, p);
}

// 64 Items on. step_p = 64 % area; step_j: that and 64 / area images; wrap_j: from the end of a plane to the next image's.
fn channel_step(at: ChannelWalk) -> ChannelWalk {
  let p = at.p + params.step_p;
  let wraps = p >= params.area;
  return ChannelWalk(at.j + params.step_j + select(0u, params.wrap_j, wraps), select(p, p - params.area, wraps));
}

// Sum of an Item's numbers.
fn item_total(v: Item) -> f32 {
  return dot(select(vec4<f32>(0.0), vec4<f32>(v), vec4<bool>(true, WIDE, WIDE, WIDE)), vec4<f32>(1.0));
}

// relu_of and its gradient, of Items: what is not above 0 becomes 0, NaN stays; see lib/nonfinite.wgsl.
fn item_relu(v: Item) -> Item {
  return select(v, Item(0.0), (bitcast<Bits>(v) ^ Bits(0x80000000u)) <= Bits(0x7f800000u));
}

fn item_relu_grad(v: Item, g: Item) -> Item {
  let bits = bitcast<Bits>(v);
  return select(g, Item(0.0), ((bits ^ Bits(0x80000000u)) <= Bits(0x7f800000u)) | (bits == Bits(0u)));
}
