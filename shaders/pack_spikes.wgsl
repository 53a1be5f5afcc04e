// Packs 32 neighbouring numbers into one word: bit j of word i is set if number 32 i + j is not zero.
//!include "lib/elements.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, bits: u32 }     // words of y, elements of x
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;     // [bits], up to a whole vec4
@group(0) @binding(1) var<storage, read_write> y: array<u32>;     // [n]
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32) {
  // The last word may be filled in part; values behind x are not read.
  let filled = min(params.bits - 32u * i, 32u);
  var word = 0u;
  for (var bit = 0u; bit < filled; bit += 4u) {
    // Test the bits without the sign: comparisons of floats may treat NaN and denormal numbers as 0.
    let magnitude = bitcast<vec4<u32>>(x[8u * i + bit / 4u]) & vec4<u32>(0x7fffffffu);
    let seen = select(vec4<u32>(0u), vec4<u32>(1u, 2u, 4u, 8u), magnitude != vec4<u32>(0u));
    word |= (seen.x | seen.y | seen.z | seen.w) << bit;
  }
  y[i] = word & (0xffffffffu >> (32u - filled));
}
