// Mean and 1/sqrt(var + eps) of each channel in one read, and the running statistics. One workgroup per channel; sums are
// taken of x minus the channel's first value, so that a large mean does not cancel the variance away.
//!include "lib/index.wgsl"
//!include "lib/reduce.wgsl"
const TRACK: bool = true;                //!spec   update the running statistics
struct Params { batch: u32, channels: u32, area: u32, eps: f32, momentum: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> stats: array<f32>;        // [2, C]: mean, invstd
@group(0) @binding(2) var<storage, read_write> running_mean: array<f32>;
@group(0) @binding(3) var<storage, read_write> running_var: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups);
  let c = min(flat, params.channels - 1u);
  let shift = x[c * params.area];
  let count = params.batch * params.area;
  var sum = 0.0;
  var square = 0.0;
  var i = lane;
  while (i < count) {
    var block_sum = 0.0;
    var block_square = 0.0;
    for (var k = 0u; k < 32u && i < count; k++) {
      let n = i / params.area;
      let v = x[(n * params.channels + c) * params.area + i % params.area] - shift;
      block_sum += v;
      block_square += v * v;
      i += 64u;
    }
    sum += block_sum;
    square += block_square;
  }
  let total = workgroup_sum(sum, lane);
  let total_square = workgroup_sum(square, lane);
  if (lane == 0u && flat < params.channels) {
    let offset = total / f32(count);
    let variance = max(total_square / f32(count) - offset * offset, 0.0);
    stats[c] = shift + offset;
    stats[params.channels + c] = inverseSqrt(variance + params.eps);
    if (TRACK) {
      let unbiased = variance * f32(count) / f32(max(count, 2u) - 1u);
      running_mean[c] = (1.0 - params.momentum) * running_mean[c] + params.momentum * (shift + offset);
      running_var[c] = (1.0 - params.momentum) * running_var[c] + params.momentum * unbiased;
    }
  }
}
