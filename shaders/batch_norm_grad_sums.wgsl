// Sums of dy and of dy · xhat over each channel: the gradients of bias and weight. One workgroup per channel. With RELU,
// dy counts only where the output was positive, worked out again from x.
//!include "lib/index.wgsl"
//!include "lib/reduce.wgsl"
const RELU: bool = false;                //!spec
struct Params { batch: u32, channels: u32, area: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> stats: array<f32>;             // [2, C]: mean, invstd
@group(0) @binding(3) var<storage, read> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(5) var<storage, read_write> dbias: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups);
  let c = min(flat, params.channels - 1u);
  let m = stats[c];
  let s = stats[params.channels + c];
  let count = params.batch * params.area;
  var sum = 0.0;
  var dot_sum = 0.0;
  var i = lane;
  while (i < count) {
    var block_sum = 0.0;
    var block_dot = 0.0;
    for (var k = 0u; k < 32u && i < count; k++) {
      let at = ((i / params.area) * params.channels + c) * params.area + i % params.area;
      var g = dy[at];
      if (RELU) {
        g = select(0.0, g, y[at] > 0.0);
      }
      block_sum += g;
      block_dot += g * (x[at] - m) * s;
      i += 64u;
    }
    sum += block_sum;
    dot_sum += block_dot;
  }
  let total = workgroup_sum(sum, lane);
  let total_dot = workgroup_sum(dot_sum, lane);
  if (lane == 0u && flat < params.channels) {
    dbias[c] = total;
    dweight[c] = total_dot;
  }
}
