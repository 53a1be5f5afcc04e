// w = S(theta, threshold), one element per invocation: last of the unfused update's three.
//!include "lib/index.wgsl"
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> theta: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read> hyper: array<f32>;       // lr, momentum, weight decay, threshold
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = flat_group(group, groups) * 64u + lane;
  if (i < params.n) {
    weight[i] = theta[i] - clamp(theta[i], -hyper[3], hyper[3]);
  }
}
