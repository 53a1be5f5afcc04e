// The update of an optimiser that divides the step of each weight by another number. A rule (adam.wgsl, rmsprop.wgsl) includes it
// and lib/adam_step.wgsl or lib/rmsprop_step.wgsl, where advance() turns the gradient u into the change and the divisor s:
//   u      = g + weight_decay x              g = dL/dw; AdamW: u = g, and decay takes lr weight_decay x from the weight itself
//   none     w_next = w - change
//   latent   w = S(theta, d);  theta_next = theta - change;  w_next = S(theta_next, d_next)
//   inplace  w_next = S(w - change, tau / s)   tau = d_next - d
// `latent` is straight through, as sgd_latent.wgsl. `inplace` is the proximal step in the metric of the divisors: the point that
// minimises tau |x| + s (x - (w - change))^2 / 2 for each weight. A fixed point solves the same L1 problem as that of sgd_inplace.wgsl.
// Source: Yun, Lozano and Yang 2021, "Adaptive proximal gradient methods for structured neural networks".
//!include "lib/update_segment.wgsl"
//!include "lib/soft_threshold.wgsl"
//!include "lib/adaptive_step.wgsl"
const LATENT: bool = false;              //!spec
const INPLACE: bool = false;             //!spec
const TRUE_GRADIENT: bool = false;       //!spec   latent: g dS/dtheta, as sgd_latent.wgsl
const SHRINKS: bool = false;             //!spec   latent: lr l0 towards 0 after the change, but not beyond (Grad R)

fn update(theta: vec4<f32>, v: State, g: vec4<f32>, read: vec4<f32>, layer: u32) -> Updated {
  var w = theta;
  var decayed = theta;
  if (LATENT) {
    w = S(theta, hyper.threshold_now);
    decayed = select(theta, w, DECAY_EFFECTIVE);
  }
  if (INPLACE && !DECAY_EFFECTIVE && prunes) {
    decayed = theta + sign(theta) * hyper.threshold_now;
  }
  decayed *= hyper.weight_decay;
  let slope = select(g, through_S(g, theta, hyper.threshold_now), TRUE_GRADIENT);
  let a = advance(v, select(slope + decayed, slope, DECOUPLED), adaptive_of(hyper.layers[0]), theta);
  var next = select(theta, theta - hyper.lr * decayed, DECOUPLED) - a.change;
  if (INPLACE && prunes) {
    let tau = vec4(hyper.tau) / a.divisor;
    next -= carried4(clamp(next, -tau, tau), tau);
  }
  if (SHRINKS && prunes) {
    let side = select(sign(theta), sign(next), theta == vec4(0.0));
    next = carried4(side * max(side * next - vec4(hyper.lr * hyper.l0), vec4(0.0)), next);
  }
  let theta_next = masked(next, theta);
  var w_next = theta_next;
  if (LATENT) {
    w_next = S(theta_next, hyper.threshold_next);
  }
  return Updated(theta_next, a.state, w_next, w != vec4(0.0), w_next != vec4(0.0));
}
