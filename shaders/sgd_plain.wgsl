// Plain SGD, for parameters without a threshold: the forward pass reads w itself.
//   u      = g + weight_decay w              g = dL/dw
//   v_next = momentum v + u                  (accumulate: with dampening, or u where there is no momentum)
//   w_next = w - lr v_next                   (direction: with Nesterov, u + momentum v_next)
//!include "lib/update_segment.wgsl"
//!include "lib/sgd_momentum.wgsl"

fn update(w: vec4<f32>, v: vec4<f32>, g: vec4<f32>, read: vec4<f32>, layer: u32) -> Updated {
  let u = g + hyper.weight_decay * w;
  let v_next = accumulate(v, u);
  let w_next = masked(w - hyper.lr * direction(u, v_next), w);
  return Updated(w_next, v_next, w_next, w != vec4(0.0), w_next != vec4(0.0));
}
