// LTP: a threshold tau on theta^2 for each layer with a soft gate of width T, both moved by learned_threshold_step.wgsl before
// this pass. A weight counts as pruned by the hard rule theta^2 <= tau.
//   w          = theta gate(theta),  gate(theta) = sigmoid((theta^2 - tau) / T)
//   u          = g gate(theta) + weight_decay theta         g = dL/dw; the slope of the gate is left to tau
//   v_next     = momentum v + u
//   theta_next = theta - lr v_next
//   w_next     = theta_next gate_next(theta_next)
// Source: "Learned Threshold Pruning" (arXiv 2003.00075).
//!include "lib/update_segment.wgsl"
//!include "lib/sgd_momentum.wgsl"
//!include "lib/ltp_gate.wgsl"

fn update(theta: vec4<f32>, v: vec4<f32>, g: vec4<f32>, read: vec4<f32>, layer: u32) -> Updated {
  let t = learned_now(layer);              // (tau, T)
  let t_next = hyper.layers[layer].next;
  let u = g * gate(theta, t) + hyper.weight_decay * theta;
  let v_next = accumulate(v, u);
  let theta_next = masked(theta - hyper.lr * direction(u, v_next), theta);
  let w_next = theta_next * gate(theta_next, t_next);
  return Updated(theta_next, v_next, w_next, survives(theta, t), survives(theta_next, t_next));
}
