// Running statistics as the pair that the other kernels read: mean and 1/sqrt(var + eps).
struct Params { channels: u32, eps: f32 }
@group(0) @binding(0) var<storage, read> running_mean: array<f32>;
@group(0) @binding(1) var<storage, read> running_var: array<f32>;
@group(0) @binding(2) var<storage, read_write> stats: array<f32>;        // [4, C]: mean, invstd, shift, mean - shift
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let c = id.x;
  if (c < params.channels) {
    stats[c] = running_mean[c];
    stats[2u * params.channels + c] = running_mean[c];
    stats[3u * params.channels + c] = 0.0;
    stats[params.channels + c] = inverseSqrt(running_var[c] + params.eps);
  }
}
