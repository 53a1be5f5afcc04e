// Gradient of a depthwise convolution with respect to its weight. An invocation holds one row of taps of one output channel
// and walks a slice of the rows of dy, PX pixels at a time; sum_to adds the slices in a fixed order.
//!include "lib/index.wgsl"
const PX: u32 = 4u;          //!spec   pixels of dy at a time
const TAPS: u32 = 3u;        //!spec   params.kernel.y
const STEP: u32 = 1u;        //!spec   params.stride.y
const SPREAD: u32 = 1u;      //!spec   params.dilation.y
const PATCH: u32 = (PX - 1u) * STEP + (TAPS - 1u) * SPREAD + 1u;

//!include "lib/grad_weight_params.wgsl"
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;    // [slices, O, 1, kh, kw]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  // Slices lie next to each other, so that lanes of one channel share its planes.
  let flat = flat_group(group, groups) * 64u + lane;
  let slice = flat % params.slices;
  let ky = flat / params.slices % params.kernel.x;
  let channel = flat / params.slices / params.kernel.x;
  if (channel >= params.y_shape.y) {
    return;
  }
  let source = params.x_shape.zw;
  let out_rows = params.y_shape.z;
  let out_columns = params.y_shape.w;
  let x_channel = channel / (params.y_shape.y / params.x_shape.y);
  let end = min((slice + 1u) * params.slice, params.x_shape.x * out_rows);
  var total: array<f32, TAPS>;
  for (var r = slice * params.slice; r < end; r++) {
    let n = r / out_rows;
    let oy = r % out_rows;
    // Above the first row the subtraction wraps to a huge number, which is not below H either.
    let iy = oy * params.stride.x + ky * params.dilation.x - params.padding.x;
    if (iy < source.x) {
      let x_row = ((n * params.x_shape.y + x_channel) * source.x + iy) * source.y;
      let y_row = ((n * params.y_shape.y + channel) * out_rows + oy) * out_columns;
      var sum = array<f32, TAPS>(); // without the value, Dawn keeps what the last turn of the loop left
      for (var px0 = 0u; px0 < out_columns; px0 += PX) {
        var patch_: array<f32, PATCH>;
        for (var i = 0u; i < PATCH; i++) {
          let ix = px0 * STEP + i - params.padding.y;
          let ok = ix < source.y;
          patch_[i] = select(0.0, x[select(x_row, x_row + ix, ok)], ok);
        }
        for (var i = 0u; i < PX; i++) {
          let ok = px0 + i < out_columns;
          let d = select(0.0, dy[select(y_row, y_row + px0 + i, ok)], ok);
          for (var kx = 0u; kx < TAPS; kx++) {
            sum[kx] += d * patch_[i * STEP + kx * SPREAD];
          }
        }
      }
      for (var kx = 0u; kx < TAPS; kx++) {
        total[kx] += sum[kx];
      }
    }
  }
  for (var kx = 0u; kx < TAPS; kx++) {
    dw[((slice * params.y_shape.y + channel) * params.kernel.x + ky) * TAPS + kx] = total[kx];
  }
}
