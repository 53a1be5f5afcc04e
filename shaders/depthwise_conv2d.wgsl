// Depthwise correlation: each written channel sums over its own few source channels only (one in the forward pass, the
// channel multiplier's worth in the gradient of the input), so there is nothing to share between channels. An invocation
// writes PX neighbouring pixels of one channel and reads each patch of a row once for all taps of the row.
//!include "lib/index.wgsl"
const PX: u32 = 4u;          //!spec   pixels per invocation
const TAPS: u32 = 3u;        //!spec   taps of a row; params.taps.y
const STEP: u32 = 1u;        //!spec   params.x_step.y
const SPREAD: u32 = 1u;      //!spec   params.spread.y
const PATCH: u32 = (PX - 1u) * STEP + (TAPS - 1u) * SPREAD + 1u;

//!include "lib/correlation_params.wgsl"
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;           // [O]; anything when has_bias is 0
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let blocks = (params.pixels.y + PX - 1u) / PX;
  let flat = flat_group(group, groups) * 64u + lane;
  let px0 = flat % blocks * PX;
  let py = flat / blocks % params.pixels.x;
  let plane = flat / blocks / params.pixels.x;     // n · channels + channel
  let channels = params.groups * params.written;
  if (plane >= params.batch * channels) {
    return;
  }
  let channel = plane % channels;
  let g = channel / params.written;
  let x0 = i32(px0 * STEP) + params.x_start.y;
  var sum: array<f32, PX>;
  if (params.has_bias == 1u) {
    for (var i = 0u; i < PX; i++) {
      sum[i] = b[channel];
    }
  }
  for (var c = 0u; c < params.reduced; c++) {
    let x_plane = ((plane / channels * params.groups + g) * params.reduced + c) * params.source.x;
    let w_plane = g * params.w_group + params.w_start + channel % params.written * params.w_written + c * params.w_reduced;
    for (var ky = 0u; ky < params.taps.x; ky++) {
      let iy = u32(i32(py * params.x_step.x + ky * params.spread.x) + params.x_start.x);
      if (iy < params.source.x) {
        let row = (x_plane + iy) * params.source.y;
        let w_row = w_plane + u32(i32(ky) * params.w_tap.x);
        var patch_: array<f32, PATCH>;
        for (var i = 0u; i < PATCH; i++) {
          let ix = u32(x0 + i32(i));
          let ok = ix < params.source.y;
          patch_[i] = select(0.0, x[select(row, row + ix, ok)], ok);
        }
        for (var kx = 0u; kx < TAPS; kx++) {
          let q = w[w_row + u32(i32(kx) * params.w_tap.y)];
          for (var i = 0u; i < PX; i++) {
            sum[i] += q * patch_[i * STEP + kx * SPREAD];
          }
        }
      }
    }
  }
  let oy = py * params.y_step.x + params.y_start.x;
  for (var i = 0u; i < PX; i++) {
    if (px0 + i < params.pixels.y) {
      y[(plane * params.plane.x + oy) * params.plane.y + (px0 + i) * params.y_step.y + params.y_start.y] = sum[i];
    }
  }
}
