// One workgroup of 64 walks a slice of one channel of [N, C, area], counted as if the channel's planes lay side by side.
// An Item is what one load brings: four neighbours of a plane where planes are multiples of four, else one. Everything
// here counts Items. The host divides once (src/ops/norm/layout.ts), so a step costs two additions and a comparison.
// NEAR neighbouring invocations take neighbouring Items and share out a part of the slice, each of TURNS Items at once.
alias Item = vec4<f32>;                  //!spec   f32 or vec4<f32>
alias Act = f32;                         //!spec   element type of activations in memory
alias Stored = vec4<Act>;                //!spec   Act or vec4<Act>, as Item
alias Bits = vec4<u32>;                  //!spec   u32 or vec4<u32>, as Item
const WIDE: bool = true;                 //!spec   whether an Item is a vec4
const TURNS: u32 = 4u;                   //!spec   loads of an invocation before it waits for the first
const NEAR: u32 = 64u;                   //!spec   lanes that a CPU computes at once; on hardware all
const ITEM_WIDTH: f32 = select(1.0, 4.0, WIDE);

struct ChannelWalk {
  i: u32,                    // in the channel
  end: u32,                  // of this invocation's part
  j: u32,                    // in the tensor
  p: u32,                    // in its plane
}

// Slices are of `rounds` Items for each invocation. NEAR is a power of two: software drivers do divide by constants.
fn channel_walk(c: u32, slice: u32, lane: u32) -> ChannelWalk {
  let near = lane & (NEAR - 1u);
  let first = (slice * 64u + (lane - near)) * params.rounds;
  let i = first + near;
  let p = i % params.area;
  return ChannelWalk(i, min(first + NEAR * params.rounds, params.items),
                     (i / params.area * params.channels + c) * params.area + p, p);
}

// NEAR Items on. step_p = NEAR % area; step_j: that and NEAR / area images; wrap_j: from the end of a plane to the next image's.
fn channel_step(at: ChannelWalk, p: Params) -> ChannelWalk {
  let place = at.p + p.step_p;
  let wraps = place >= p.area;
  return ChannelWalk(at.i + NEAR, at.end, at.j + p.step_j + select(0u, p.wrap_j, wraps),
                     select(place, place - p.area, wraps));
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
