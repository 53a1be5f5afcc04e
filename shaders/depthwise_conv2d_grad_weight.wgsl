// Gradient of a depthwise convolution with respect to its weight. An invocation holds one row of taps of one output channel
// and walks down PX neighbouring columns of dy through a slice of its rows; neighbouring lanes hold neighbouring columns.
// sum_to adds the slices in a fixed order.
//!include "lib/index.wgsl"
const PX: u32 = 4u;          //!spec   columns of dy
const TAPS: u32 = 3u;        //!spec   params.kernel.y
const STEP: u32 = 1u;        //!spec   params.stride.y
const SPREAD: u32 = 1u;      //!spec   params.dilation.y
const EACH: u32 = 1u;        //!spec   4: rows of x and dy are whole quads, and so is PX · STEP; loads begin SKIP pixels earlier
const SKIP: u32 = 0u;        //!spec
alias Act = f32;             //!spec   element type of activations in memory
alias In = Act;              //!spec   vec4<Act> for EACH 4
alias Lane = f32;            //!spec   f32, or vec4<f32> for EACH 4
const PATCH: u32 = SKIP + (PX - 1u) * STEP + (TAPS - 1u) * SPREAD + 1u;
const ITEMS: u32 = (PATCH + EACH - 1u) / EACH;
const DY_ITEMS: u32 = PX / EACH;

//!include "lib/grad_weight_params.wgsl"
@group(0) @binding(0) var<storage, read> x: array<In>;
@group(0) @binding(1) var<storage, read> dy: array<In>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;    // [slices, O, 1, kh, kw]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let flat = flat_group(group, groups) * 64u + lane;
  let line = flat / p.slices;
  let slice = flat - line * p.slices;              // of rows · columns
  let channel = line / p.kernel.x;
  let ky = line - channel * p.kernel.x;
  let outputs = p.y_shape.y;
  if (channel >= outputs) {
    return;
  }
  let out_rows = p.y_shape.z;
  let blocks = (p.y_shape.w + PX - 1u) / PX;
  let part = slice / blocks;
  let px0 = (slice - part * blocks) * PX;
  let x_channel = channel / (outputs / p.x_shape.y);
  let begin = part * p.slice;
  let end = min(begin + p.slice, p.x_shape.x * out_rows);
  // Left of and above x these wrap to huge numbers.
  let x_across = p.x_shape.w / EACH;
  let y_across = p.y_shape.w / EACH;
  let first = u32((i32(px0 * STEP) - i32(p.padding.y + SKIP)) / i32(EACH));
  let n = begin / out_rows;
  var oy = begin - n * out_rows;
  let top = ky * p.dilation.x - p.padding.x;
  var iy = oy * p.stride.x + top;
  var x_at = ((n * p.x_shape.y + x_channel) * p.x_shape.z + iy) * x_across + first;
  var y_at = ((n * outputs + channel) * out_rows + oy) * y_across + px0 / EACH;
  let x_step = p.stride.x * x_across;
  // From the last row of a plane to the first of the channel's plane in the next image.
  let x_wrap = (p.x_shape.y * p.x_shape.z - out_rows * p.stride.x) * x_across;
  let y_wrap = (outputs - 1u) * out_rows * y_across;
  var total: array<f32, TAPS>;
  for (var r = begin; r < end; r++) {
    var seen: array<f32, ITEMS * EACH>;
    var d: array<f32, PX>;
    for (var i = 0u; i < ITEMS; i++) {  //!unroll
      let v = select(vec4(0.0), vec4<f32>(Lane(x[x_at + i])), (iy < p.x_shape.z) & (first + i < x_across));
      for (var e = 0u; e < EACH; e++) {  //!unroll
        seen[i * EACH + e] = v[e];
      }
    }
    for (var i = 0u; i < DY_ITEMS; i++) {  //!unroll
      let v = select(vec4(0.0), vec4<f32>(Lane(dy[y_at + i])), (iy < p.x_shape.z) & (px0 / EACH + i < y_across));
      for (var e = 0u; e < EACH; e++) {  //!unroll
        d[i * EACH + e] = v[e];
      }
    }
    for (var kx = 0u; kx < TAPS; kx++) {  //!unroll
      var sum = 0.0;
      for (var i = 0u; i < PX; i++) {  //!unroll
        sum += d[i] * seen[SKIP + i * STEP + kx * SPREAD];
      }
      total[kx] += sum;
    }
    oy += 1u;
    let wraps = oy == out_rows;
    oy = select(oy, 0u, wraps);
    iy = select(iy + p.stride.x, top, wraps);
    x_at += x_step + select(0u, x_wrap, wraps);
    y_at += y_across + select(0u, y_wrap, wraps);
  }
  let at = ((slice * outputs + channel) * p.kernel.x + ky) * TAPS;
  for (var kx = 0u; kx < TAPS; kx++) {  //!unroll
    dw[at + kx] = total[kx];
  }
}
