// Numbers of a step that only adaptive optimisers have. The host packs them by field name into the record of layer 0: no threshold
// of these optimisers is learned, so the record is free.
//!include "lib/hyper.wgsl"
struct Adaptive {
  beta: f32,                             // share of the old second moment: beta2 of Adam, alpha of RMSProp
  take: f32,                             // 1 - beta, subtracted in float64
  eps: f32,
  step_size: f32,                        // lr / (1 - beta1^t) of Adam at its step t = 1, 2, ...; lr of RMSProp
  root_bias: f32,                        // 1 / sqrt(1 - beta2^t) of Adam; 1 of RMSProp
  log_beta1: f32,                        // for adaptive_bias.wgsl
  log_beta: f32,
}

fn adaptive_of(r: LayerThreshold) -> Adaptive {
  return Adaptive(r.now.x, r.now.y, r.next.x, r.next.y, r.raw, r.velocity, r.spread);
}
