// 32 neighbouring numbers become one word: bit j of word i is set where number 32 i + j is not zero. One word an invocation.
//!include "lib/index.wgsl"
struct Params { n: u32, words: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;     // [n], up to a whole vec4
@group(0) @binding(1) var<storage, read_write> y: array<u32>;     // [words]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = flat_group(group, groups) * 64u + lane;
  if (i >= params.words) {
    return;
  }
  // Of the last word only what x fills; what lies behind x is not asked for.
  let filled = min(params.n - 32u * i, 32u);
  var word = 0u;
  for (var bit = 0u; bit < filled; bit += 4u) {
    // By its bits, less the sign: comparisons of floats may take NaN and denormal numbers for 0.
    let magnitude = bitcast<vec4<u32>>(x[8u * i + bit / 4u]) & vec4<u32>(0x7fffffffu);
    let seen = select(vec4<u32>(0u), vec4<u32>(1u, 2u, 4u, 8u), magnitude != vec4<u32>(0u));
    word |= (seen.x | seen.y | seen.z | seen.w) << bit;
  }
  y[i] = word & (0xffffffffu >> (32u - filled));
}
