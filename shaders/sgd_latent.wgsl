// A scheduled soft threshold d on a stored weight theta, which is trained straight through: pruned weights get the gradient
// too, and may regrow.
//   w          = S(theta, d)                 g = dL/dw
//   u          = g + weight_decay theta      (or weight_decay w)
//   v_next     = momentum v + u
//   theta_next = theta - lr v_next
//   w_next     = S(theta_next, d_next)
// Source: STDS (ICML 2022); LATS, "A Unified Framework for Soft Threshold Pruning" (ICLR 2023). Two variants of the STDS code:
// TRUE_GRADIENT takes g dS/dtheta, 0 where w is 0; SHRINKS (Grad R) also moves theta by lr l0 towards 0.
//!include "lib/update_segment.wgsl"
//!include "lib/sgd_momentum.wgsl"
//!include "lib/soft_threshold.wgsl"
const TRUE_GRADIENT: bool = false;       //!spec
const SHRINKS: bool = false;             //!spec

fn update(theta: vec4<f32>, v: vec4<f32>, g: vec4<f32>, read: vec4<f32>, layer: u32) -> Updated {
  let w = S(theta, hyper.threshold_now);
  let u = select(g, through_S(g, theta, hyper.threshold_now), TRUE_GRADIENT) + hyper.weight_decay * select(theta, w, DECAY_EFFECTIVE);
  let v_next = accumulate(v, u);
  var moved = theta - hyper.lr * direction(u, v_next);
  if (SHRINKS && prunes) {
    moved -= hyper.lr * hyper.l0 * sign(theta);
  }
  let theta_next = masked(moved, theta);
  let w_next = S(theta_next, hyper.threshold_next);
  return Updated(theta_next, v_next, w_next, w != vec4(0.0), w_next != vec4(0.0));
}
