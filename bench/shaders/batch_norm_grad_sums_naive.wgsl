// Gradients of weight and bias: sums of dy · xhat and of dy over each channel, one invocation per channel.
struct Params { batch: u32, channels: u32, area: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> invstd: array<f32>;
@group(0) @binding(4) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(5) var<storage, read_write> dbias: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let c = id.x;
  if (c >= params.channels) {
    return;
  }
  var sum = 0.0;
  var dot_sum = 0.0;
  for (var n = 0u; n < params.batch; n++) {
    var plane = 0.0;
    var plane_dot = 0.0;
    for (var p = 0u; p < params.area; p++) {
      let i = (n * params.channels + c) * params.area + p;
      plane += dy[i];
      plane_dot += dy[i] * (x[i] - mean[c]);
    }
    sum += plane;
    dot_sum += plane_dot;
  }
  dweight[c] = dot_sum * invstd[c];
  dbias[c] = sum;
}
