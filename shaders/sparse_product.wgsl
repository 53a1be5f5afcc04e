// y = x times a block-sparse weight (linear, or a convolution). The lanes of a workgroup are neighbouring pixels, so that loads of x
// and stores of y are in order; all lanes read the same weights.
const LANES: u32 = 64u;        //!spec   lanes of a workgroup
//!include "lib/sparse_taps.wgsl"
alias Weight = vec4<f32>;      //!spec   vec4<f32>; f32 for blocks of one output
const QUADS: u32 = max(R / 4u, 1u);
fn weight_at(w: Weight, r: u32) -> f32 { return w[r % 4u]; }  //!spec

@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read> blocks: array<vec4<u32>>;      // of a row: first live block, end, first output, outputs
@group(0) @binding(2) var<storage, read> taps: array<vec2<u32>>;        // of each live block: distance in x, bits
@group(0) @binding(3) var<storage, read> weights: array<Weight>;        // [live, R]
@group(0) @binding(4) var<storage, read> pixels: array<vec2<u32>>;      // place in x, bits; anything unless TABLE
@group(0) @binding(5) var<storage, read> bias: array<f32>;              // anything when has_bias is 0
@group(0) @binding(6) var<storage, read_write> y: array<Act>;
@group(0) @binding(7) var<storage, read> residual: array<Act>;         // like y; anything unless RESIDUAL
@group(0) @binding(8) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = blocks[group.x];
  let first = group.y * (LANES * P) + lane;
  start_pixels(first, group.z);
  for (var i = 0u; i < P * R; i++) {  //!unroll
    sums[i] = 0.0;
  }
  for (var k = row.x; k < row.y; k++) {
    let tap = taps[k];
    var w: array<Weight, QUADS>;
    for (var i = 0u; i < QUADS; i++) {  //!unroll
      w[i] = weights[k * QUADS + i];
    }
    for (var p = 0u; p < P; p++) {  //!unroll
      let v = number_at(x_at[p] + tap.x, x_inside[p], tap.y);
      for (var r = 0u; r < R; r++) {  //!unroll
        sums[p * R + r] = fma(weight_at(w[r / 4u], r), v, sums[p * R + r]);
      }
    }
  }
  for (var p = 0u; p < P; p++) {  //!unroll
    let pixel = first + p * LANES;
    if (pixel < params.plane) {
      var at = result_at(pixel, group.z, row.z);
      for (var r = 0u; r < R; r++) {  //!unroll
        if (r < row.w) {
          y[at] = ended(sums[p * R + r] + select(0.0, bias[row.z + r], params.has_bias != 0u), at);
        }
        at += params.y_output;
      }
    }
  }
}
