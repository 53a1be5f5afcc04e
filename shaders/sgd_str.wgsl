// STR: a soft threshold d = sigmoid(s) for each layer, which learned_threshold_step.wgsl moves before this pass. The gradient
// follows dS/dtheta: pruned weights get none.
//   w          = S(theta, d)
//   u          = g 1[|theta| > d] + weight_decay theta      g = dL/dw
//   v_next     = momentum v + u
//   theta_next = theta - lr v_next
//   w_next     = S(theta_next, d_next)
// Source: "Soft Threshold Weight Reparameterization for Learnable Sparsity" (ICML 2020).
//!include "lib/update_segment.wgsl"
//!include "lib/sgd_momentum.wgsl"
//!include "lib/soft_threshold.wgsl"

fn update(theta: vec4<f32>, v: vec4<f32>, g: vec4<f32>, read: vec4<f32>, layer: u32) -> Updated {
  let d = learned_now(layer).x;
  let d_next = hyper.layers[layer].next.x;
  let w = S(theta, d);
  let u = through_S(g, theta, d) + hyper.weight_decay * theta;
  let v_next = accumulate(v, u);
  let theta_next = masked(theta - hyper.lr * direction(u, v_next), theta);
  let w_next = S(theta_next, d_next);
  return Updated(theta_next, v_next, w_next, w != vec4(0.0), w_next != vec4(0.0));
}
