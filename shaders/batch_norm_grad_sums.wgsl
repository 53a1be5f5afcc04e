// Sums of dy and of dy · xhat over slices of each channel; with one slice, the gradients of bias and weight. One workgroup
// per slice. With RELU, dy counts only where the output was positive.
//!include "lib/index.wgsl"
//!include "lib/reduce.wgsl"
//!include "lib/channel_walk.wgsl"
const RELU: bool = false;                //!spec
struct Params { batch: u32, channels: u32, area: u32, slices: u32, slice_terms: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> stats: array<f32>;             // [4, C]: mean, invstd, shift, mean - shift
@group(0) @binding(3) var<storage, read> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> dweight: array<f32>;     // [C, slices]
@group(0) @binding(5) var<storage, read_write> dbias: array<f32>;       // [C, slices]
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups);
  let c = min(flat / params.slices, params.channels - 1u);
  let shift = stats[2u * params.channels + c];
  let s = stats[params.channels + c];
  let mean = stats[3u * params.channels + c];
  let first = flat % params.slices * params.slice_terms;
  let end = min(first + params.slice_terms, params.batch * params.area);
  let stride = channel_walk(64u, params.area);
  var at = channel_walk(first + lane, params.area);
  var sum = 0.0;
  var dot_sum = 0.0;
  var i = first + lane;
  while (i < end) {
    var block_sum = 0.0;
    var block_dot = 0.0;
    for (var k = 0u; k < 32u && i < end; k++) {
      let j = (at.n * params.channels + c) * params.area + at.p;
      var g = dy[j];
      if (RELU) {
        g = select(0.0, g, y[j] > 0.0);
      }
      block_sum += g;
      block_dot += g * (x[j] - shift - mean);
      at = channel_step(at, stride, params.area);
      i += 64u;
    }
    sum += block_sum;
    dot_sum += block_dot;
  }
  let total = workgroup_sum(sum, lane);
  let total_dot = workgroup_sum(dot_sum, lane);
  if (lane == 0u && flat < params.channels * params.slices) {
    dbias[flat] = total;
    dweight[flat] = total_dot * s;
  }
}
