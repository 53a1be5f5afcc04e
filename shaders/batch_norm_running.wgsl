// Running statistics in the form that the other kernels read, as batch_norm_stats writes those of a batch.
struct Params { channels: u32, eps: f32 }
@group(0) @binding(0) var<storage, read> running_mean: array<f32>;
@group(0) @binding(1) var<storage, read> running_var: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> stats: array<f32>;        // [6, C], see lib/batch_statistics.wgsl
@group(0) @binding(5) var<uniform> params: Params;
//!include "lib/batch_statistics.wgsl"

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let c = id.x;
  if (c < params.channels) {
    keep_affine(c, running_mean[c], 0.0, inverseSqrt(running_var[c] + params.eps));
  }
}
