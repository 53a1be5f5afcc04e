// The soft threshold S(x, d) = sign(x) max(|x| - d, 0). It acts in phase PRUNE only: in the others S(x, d) = x.
//!include "lib/nonfinite.wgsl"
//!include "lib/hyper.wgsl"
fn S(x: vec4<f32>, d: f32) -> vec4<f32> {
  return select(x, x - carried4(clamp(x, vec4(-d), vec4(d)), vec4(d)), prunes);
}

// g where dS/dx = 1, 0 where dS/dx = 0.
fn through_S(g: vec4<f32>, x: vec4<f32>, d: f32) -> vec4<f32> {
  return select(vec4(0.0), g, (abs(x) > vec4(d)) | vec4(!prunes));
}
