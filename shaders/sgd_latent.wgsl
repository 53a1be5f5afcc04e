// A scheduled soft threshold d on a stored weight theta, which is trained straight through: pruned weights get the gradient
// too, and may regrow.
//   w          = S(theta, d)                 g = dL/dw
//   u          = g + weight_decay theta      (or weight_decay w)
//   v_next     = momentum v + u
//   theta_next = theta - lr v_next
//   w_next     = S(theta_next, d_next)
// Source: STDS (ICML 2022); LATS, "A Unified Framework for Soft Threshold Pruning" (ICLR 2023).
//!include "lib/update_segment.wgsl"
//!include "lib/soft_threshold.wgsl"

fn update(theta: vec4<f32>, v: vec4<f32>, g: vec4<f32>, read: vec4<f32>, layer: u32) -> Updated {
  let w = S(theta, hyper.threshold_now);
  let u = g + hyper.weight_decay * select(theta, w, DECAY_EFFECTIVE);
  let v_next = accumulate(v, u);
  let theta_next = masked(theta - hyper.lr * direction(u, v_next), theta);
  let w_next = S(theta_next, hyper.threshold_next);
  return Updated(theta_next, v_next, w_next, w != vec4(0.0), w_next != vec4(0.0));
}
