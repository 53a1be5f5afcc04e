// LTP's soft gate and its hard rule, with t = (tau, T). They act in phase PRUNE only: in the others the gate is 1.
//!include "lib/nonfinite.wgsl"
//!include "lib/hyper.wgsl"
// sigmoid((theta^2 - tau) / T). The argument reaches 1e4, so it is clamped.
fn gate(theta: vec4<f32>, t: vec2<f32>) -> vec4<f32> {
  let z = (theta * theta - t.x) / t.y;
  return select(vec4(1.0), carried4(1.0 / (1.0 + exp(-clamp(z, vec4(-80.0), vec4(80.0)))), z), prunes);
}

// Where evaluation keeps the weight. NaN stays, so that it shows.
fn survives(theta: vec4<f32>, t: vec2<f32>) -> vec4<bool> {
  return select(theta != vec4(0.0), (theta * theta > vec4(t.x)) | is_nan4(theta), prunes);
}
