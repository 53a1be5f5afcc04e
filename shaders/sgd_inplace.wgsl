// Proximal SGD (ISTA): only w is stored, and each step ends with a shrinkage by tau = d_next - d.
//   u      = g + weight_decay w              g = dL/dw; or weight_decay (w + sign(w) d), which equals that of sgd_latent.wgsl
//   v_next = momentum v + u
//   w_next = S(w - lr v_next, tau)
// Source: proximal gradient descent on L(w) + lambda |w|, with tau = lr lambda; Daubechies et al. 2004.
//!include "lib/update_segment.wgsl"
//!include "lib/sgd_momentum.wgsl"
//!include "lib/soft_threshold.wgsl"

fn update(w: vec4<f32>, v: vec4<f32>, g: vec4<f32>, read: vec4<f32>, layer: u32) -> Updated {
  var decayed = w;
  if (!DECAY_EFFECTIVE && prunes) {
    decayed = w + sign(w) * hyper.threshold_now;
  }
  let u = g + hyper.weight_decay * decayed;
  let v_next = accumulate(v, u);
  let w_next = masked(S(w - hyper.lr * direction(u, v_next), hyper.tau), w);
  return Updated(w_next, v_next, w_next, w != vec4(0.0), w_next != vec4(0.0));
}
