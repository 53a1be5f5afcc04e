// Joins the slices of batch_norm_slices in a fixed order, to the result of batch_norm_stats.
//!include "lib/index.wgsl"
//!include "lib/moments.wgsl"
alias Act = f32;                         //!spec   element type of activations in memory
struct Params { channels: u32, plane: u32, slices: u32, eps: f32, momentum: f32 }
@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read> partial: array<f32>;            // [C, slices, 3]: count, mean, m2
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> stats: array<f32>;        // [6, C], see lib/batch_statistics.wgsl
@group(0) @binding(5) var<storage, read_write> running_mean: array<f32>;
@group(0) @binding(6) var<storage, read_write> running_var: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;
//!include "lib/batch_statistics.wgsl"
//!include "lib/batch_moments.wgsl"

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups);
  let c = min(flat, params.channels - 1u);
  var own = Moments(0.0, 0.0, 0.0);
  let end = 3u * (c + 1u) * params.slices;
  for (var at = 3u * (c * params.slices + lane); at < end; at += 192u) {
    own = merge_moments(own, Moments(partial[at], partial[at + 1u], partial[at + 2u]));
  }
  let m = workgroup_moments(own, lane);
  if (lane == 0u && flat < params.channels) {
    keep_moments(c, m, f32(x[c * params.plane]));
  }
}
