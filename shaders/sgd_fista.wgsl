// Proximal SGD with Nesterov's extrapolation (FISTA): `latent` holds the iterate x, the forward pass reads the extrapolated w.
//   u      = g + weight_decay w              g = dL/dw
//   x_next = S(w - lr u, tau)                tau = d_next - d
//   w_next = x_next + momentum (x_next - x)
// Source: Beck and Teboulle 2009.
//!include "lib/update_segment.wgsl"
//!include "lib/sgd_momentum.wgsl"
//!include "lib/soft_threshold.wgsl"

fn update(x: vec4<f32>, v: vec4<f32>, g: vec4<f32>, w: vec4<f32>, layer: u32) -> Updated {
  let u = g + hyper.weight_decay * w;
  let x_next = masked(S(w - hyper.lr * u, hyper.tau), x);
  let w_next = masked(x_next + hyper.momentum * (x_next - x), x);
  return Updated(x_next, v, w_next, x != vec4(0.0), x_next != vec4(0.0));
}
