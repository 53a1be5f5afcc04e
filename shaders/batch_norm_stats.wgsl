// Mean and 1/sqrt(var + eps) of each channel in one read, and the running statistics. One workgroup per channel.
//!include "lib/index.wgsl"
//!include "lib/moments.wgsl"
//!include "lib/channel_walk.wgsl"
struct Params { channels: u32, area: u32, step_p: u32, step_j: u32, wrap_j: u32, items: u32, rounds: u32, eps: f32,
  momentum: f32 }
@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> stats: array<f32>;        // [6, C], see lib/batch_statistics.wgsl
@group(0) @binding(4) var<storage, read_write> running_mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> running_var: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;
//!include "lib/channel_moments.wgsl"
//!include "lib/batch_statistics.wgsl"
//!include "lib/batch_moments.wgsl"

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups);
  let c = min(flat, params.channels - 1u);
  let shift = channel_shift(c);
  let m = workgroup_moments(channel_moments(c, 0u, shift, lane), lane);
  if (lane == 0u && flat < params.channels) {
    keep_moments(c, m, shift);
  }
}
