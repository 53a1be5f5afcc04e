// Adds up the slices of batch_norm_grad_sums in a fixed order. One workgroup per channel.
//!include "lib/index.wgsl"
//!include "lib/channel_sums.wgsl"
struct Params { channels: u32, slices: u32 }
@group(0) @binding(0) var<storage, read> dweights: array<f32>;           // [C, slices]
@group(0) @binding(1) var<storage, read> dbiases: array<f32>;
@group(0) @binding(2) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(3) var<storage, read_write> dbias: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups);
  let c = min(flat, params.channels - 1u);
  var sum = vec2<f32>(0.0);
  let end = (c + 1u) * params.slices;
  for (var at = c * params.slices + lane; at < end; at += 64u) {
    sum += vec2<f32>(dweights[at], dbiases[at]);
  }
  let total = workgroup_sums(sum, lane);
  if (lane == 0u && flat < params.channels) {
    dweight[c] = total.x;
    dbias[c] = total.y;
  }
}
