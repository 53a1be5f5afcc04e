// y = x times a block-sparse weight (linear, or a convolution), for adapters where a load costs as much as many multiplications
// (software ones): the lanes of a subgroup load the weights and taps of T blocks together and share them.
enable subgroups;
const LANES: u32 = 8u;         //!spec   lanes of a subgroup
const TILES: u32 = 8u;         //!spec   tiles of an image in a workgroup: each is a subgroup's
const IMAGES: u32 = 1u;        //!spec   images in a workgroup
//!include "lib/sparse_taps.wgsl"
const T: u32 = select(2u, 8u, R == 1u);                   // blocks at a time
const LOADS: u32 = (R * T + LANES - 1u) / LANES;

@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read> blocks: array<vec4<u32>>;      // of a row: first live block, end, first output, outputs
@group(0) @binding(2) var<storage, read> taps: array<vec2<u32>>;        // of each live block: distance in x, bits
@group(0) @binding(3) var<storage, read> weights: array<f32>;           // [live, R]
@group(0) @binding(4) var<storage, read> pixels: array<vec2<u32>>;      // place in x, bits; anything unless TABLE
@group(0) @binding(5) var<storage, read> bias: array<f32>;              // anything when has_bias is 0
@group(0) @binding(6) var<storage, read_write> y: array<Act>;
@group(0) @binding(7) var<storage, read> residual: array<Act>;         // like y; anything unless RESIDUAL
@group(0) @binding(8) var<uniform> params: Params;

@compute @workgroup_size(LANES * TILES * IMAGES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32,
        @builtin(subgroup_invocation_id) lane: u32) {
  let row = blocks[group.x];
  let team = index / LANES;
  let first = (group.y * TILES + team % TILES) * (LANES * P) + lane;
  let image = group.z * IMAGES + team / TILES;
  start_pixels(first, min(image, params.images - 1u));
  let end = select(0u, params.plane, image < params.images);
  let start = select(0.0, bias[row.z + min(lane % R, row.w - 1u)], params.has_bias != 0u);
  for (var i = 0u; i < P * R; i++) {  //!unroll
    sums[i] = subgroupBroadcast(start, i % R);
  }
  var k = row.x;
  for (; k + T <= row.y; k += T) {
    let tap = taps[k + lane % T];
    var w: array<f32, LOADS>;
    for (var i = 0u; i < LOADS; i++) {  //!unroll
      w[i] = weights[k * R + (i * LANES + lane) % (R * T)];
    }
    for (var t = 0u; t < T; t++) {  //!unroll
      let distance = subgroupBroadcast(tap.x, t);
      let bits = subgroupBroadcast(tap.y, t);
      for (var p = 0u; p < P; p++) {  //!unroll
        let v = number_at(x_at[p] + distance, x_inside[p], bits);
        for (var r = 0u; r < R; r++) {  //!unroll
          sums[p * R + r] = fma(subgroupBroadcast(w[(t * R + r) / LANES], (t * R + r) % LANES), v, sums[p * R + r]);
        }
      }
    }
  }
  for (; k < row.y; k++) {
    let tap = taps[k];
    let w = weights[k * R + lane % R];
    for (var p = 0u; p < P; p++) {  //!unroll
      let v = number_at(x_at[p] + tap.x, x_inside[p], tap.y);
      for (var r = 0u; r < R; r++) {  //!unroll
        sums[p * R + r] = fma(subgroupBroadcast(w, r), v, sums[p * R + r]);
      }
    }
  }
  for (var p = 0u; p < P; p++) {  //!unroll
    let pixel = first + p * LANES;
    if (pixel < end) {
      var at = result_at(pixel, image, row.z);
      for (var r = 0u; r < R; r++) {  //!unroll
        if (r < row.w) {
          y[at] = ended(sums[p * R + r], at);
        }
        at += params.y_output;
      }
    }
  }
}
