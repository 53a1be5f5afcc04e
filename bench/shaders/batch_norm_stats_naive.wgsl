// Mean and 1/sqrt(variance + eps) of each channel by the definition: one invocation per channel reads it twice.
struct Params { batch: u32, channels: u32, area: u32, eps: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> mean: array<f32>;
@group(0) @binding(2) var<storage, read_write> invstd: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let c = id.x;
  if (c >= params.channels) {
    return;
  }
  let count = f32(params.batch * params.area);
  var sum = 0.0;
  for (var n = 0u; n < params.batch; n++) {
    // A sum per plane: adding a whole batch to one number would lose digits.
    var plane = 0.0;
    for (var p = 0u; p < params.area; p++) {
      plane += x[(n * params.channels + c) * params.area + p];
    }
    sum += plane;
  }
  let center = sum / count;
  var squares = 0.0;
  for (var n = 0u; n < params.batch; n++) {
    var plane = 0.0;
    for (var p = 0u; p < params.area; p++) {
      let d = x[(n * params.channels + c) * params.area + p] - center;
      plane += d * d;
    }
    squares += plane;
  }
  mean[c] = center;
  invstd[c] = 1.0 / sqrt(squares / count + params.eps);
}
