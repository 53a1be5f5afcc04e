// Octets of a convolution's source: eight terms of one pixel, as halves. The table (src/ops/conv/octet_table.ts) holds two
// entries for each phase, then three for each octet: the distances of its terms in x, and where its taps are in a mask of bits.
// The including kernel declares x, table, and in params: batch, groups, phases, x_group, source, x_step, spread.
const BY_ROW: bool = false;  //!spec   an octet holds taps of one kernel row; else all taps of a pixel fit in 25 bits

//!include "lib/conv2d_phases.wgsl"

// The part of x under a pixel: tap 0 of channel 0, which may be outside of the plane, and bits of the taps that are inside.
struct Window {
  at: u32,
  taps: u32,
  rows: u32,
}

fn window_of(pixel: Pixel, g: u32, f: Phase) -> Window {
  let at = vec2<i32>(vec2(pixel.row, pixel.column) * params.x_step) + f.x_start;
  var rows = tap_bits(at.x, f.taps.x, params.spread.x, params.source.x);
  var taps = tap_bits(at.y, f.taps.y, params.spread.y, params.source.y);
  if (!BY_ROW) {
    let columns = taps;
    taps = 0u;
    for (var i = 0u; i < f.taps.x; i++) {
      taps |= select(0u, columns << (i * f.taps.y), ((rows >> i) & 1u) == 1u);
    }
    // An octet begins at any tap and goes on with the first ones: the bits repeat.
    for (var count = max(f.taps.x * f.taps.y, 1u); count < 32u; count *= 2u) {
      taps |= taps << count;
    }
    rows = 0xffffffffu;
  }
  let start = (pixel.n * params.groups + g) * params.x_group + u32(at.x * i32(params.source.y) + at.y);
  return Window(start, select(0u, taps, pixel.n < params.batch), rows);
}

// Eight numbers, and bits of those that count.
struct Octet { low: vec4<f16>, high: vec4<f16>, live: u32 }

fn gather(window: Window, entry: u32) -> Octet {
  let low = table[entry] + window.at;
  let high = table[entry + 1u] + window.at;
  let bits = table[entry + 2u];
  // WGSL lets an index lie outside: any element is read then, and masked() puts zero in its place.
  return Octet(vec4(f16(x[low.x]), f16(x[low.y]), f16(x[low.z]), f16(x[low.w])),
    vec4(f16(x[high.x]), f16(x[high.y]), f16(x[high.z]), f16(x[high.w])),
    select(0u, window.taps >> bits.x, ((window.rows >> bits.y) & 1u) == 1u));
}

// Two bits as the masks of two halves.
fn pair(bits: i32, first: u32) -> u32 {
  return insertBits(u32(extractBits(bits, first + 1u, 1u)), u32(extractBits(bits, first, 1u)), 0u, 16u);
}
fn masked(v: Octet) -> vec4<u32> {
  let bits = i32(v.live);
  return vec4(halves(v.low), halves(v.high)) & vec4(pair(bits, 0u), pair(bits, 2u), pair(bits, 4u), pair(bits, 6u));
}
