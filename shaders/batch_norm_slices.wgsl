// Moments of slices of each channel, where a channel is too long for one workgroup; batch_norm_merge joins them.
//!include "lib/index.wgsl"
//!include "lib/moments.wgsl"
//!include "lib/channel_walk.wgsl"
struct Params { channels: u32, area: u32, step_p: u32, step_j: u32, wrap_j: u32, items: u32, slices: u32, rounds: u32 }
@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;      // [C, slices, 3]: count, mean, m2
@group(0) @binding(2) var<uniform> params: Params;
//!include "lib/channel_moments.wgsl"

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups);
  let c = min(flat / params.slices, params.channels - 1u);
  let m = workgroup_moments(channel_moments(c, flat % params.slices, channel_shift(c), lane), lane);
  if (lane == 0u && flat < params.channels * params.slices) {
    partial[3u * flat] = m.count;
    partial[3u * flat + 1u] = m.mean;
    partial[3u * flat + 2u] = m.m2;
  }
}
