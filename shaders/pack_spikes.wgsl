// Packs 32 neighbouring numbers into one word: bit j of word i is set if number 32 i + j is not zero.
//!include "lib/elements.wgsl"
alias Act = f32;                         //!spec   element type of activations in memory
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, bits: u32 }     // words of y, elements of x
@group(0) @binding(0) var<storage, read> x: array<vec4<Act>>;     // [bits], up to a whole vec4
@group(0) @binding(1) var<storage, read_write> y: array<u32>;     // [n]
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32) {
  // The last word may be filled in part; what is read behind x does not count.
  let filled = min(params.bits - 32u * i, 32u);
  let last = (params.bits - 1u) / 4u;
  var seen: array<vec4<u32>, 8>;
  for (var q = 0u; q < 8u; q++) {  //!unroll
    // Test the bits without the sign: comparisons of floats may treat NaN and denormal numbers as 0.
    seen[q] = bitcast<vec4<u32>>(vec4<f32>(x[min(8u * i + q, last)])) & vec4<u32>(0x7fffffffu);
  }
  var word = 0u;
  for (var q = 0u; q < 8u; q++) {  //!unroll
    let fired = select(vec4<u32>(0u), vec4<u32>(1u, 2u, 4u, 8u), seen[q] != vec4<u32>(0u));
    word |= (fired.x | fired.y | fired.z | fired.w) << (4u * q);
  }
  y[i] = word & (0xffffffffu >> (32u - filled));
}
