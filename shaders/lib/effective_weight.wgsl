// What the forward pass reads for a stored weight, how much of its gradient reaches the stored one, and whether it counts
// as there. `t` are the numbers of the threshold in force: (d, -), of LTP (tau, temperature).
//!include "lib/nonfinite.wgsl"
const LATENT: u32 = 0u;
const INPLACE: u32 = 1u;
const PLAIN: u32 = 2u;
const FISTA: u32 = 3u;
const STR: u32 = 4u;
const LTP: u32 = 5u;

// Hyper.phase
const PRUNE: f32 = 0.0;
const MASK: f32 = 1.0;                   // zeros stay zero, the rest is trained
const DENSE: f32 = 2.0;                  // learned thresholds rest, the forward pass reads the stored weight

struct LayerThreshold {
  now: vec2<f32>,                        // in force during the forward pass of this step
  next: vec2<f32>,                       // after it
  raw: f32,                              // what is learned: s of STR, tau of LTP
  velocity: f32,                         // its momentum
  spread: f32,                           // Var |w| of LTP
  unused: f32,
}
struct Hyper {
  lr: f32,
  threshold_now: f32,
  threshold_next: f32,
  tau: f32,                              // threshold_next - threshold_now, rounded once, from float64
  gradient_scale: f32,                   // 1 - dampening; 1 on the first step
  momentum: f32,                         // of FISTA: the share of the last move to go on by
  weight_decay: f32,
  phase: f32,
  raw_lr: f32,                           // learning rate, decay and momentum of what is learned
  raw_decay: f32,
  raw_momentum: f32,
  raw_clip: f32,                         // LTP: largest change of tau / spread in a step
  l0: f32,                               // LTP: cost of one weight
  temperature: f32,                      // LTP: width of the gate, in units of spread
  raw_nesterov: f32,                     // 0 or 1
  step: u32,                             // number of this step
  layers: array<LayerThreshold>,
}

fn soft(x: vec4<f32>, d: f32) -> vec4<f32> {
  return x - carried4(clamp(x, vec4(-d), vec4(d)), vec4(d));
}

// sigmoid((w^2 - tau) / T); the argument is clamped since (w^2 - tau) / T goes to 1e4.
fn gate(w: vec4<f32>, t: vec2<f32>) -> vec4<f32> {
  let z = (w * w - t.x) / t.y;
  return carried4(1.0 / (1.0 + exp(-clamp(z, vec4(-80.0), vec4(80.0)))), z);
}

fn effective(stored: vec4<f32>, t: vec2<f32>) -> vec4<f32> {
  if (MODE == LATENT || MODE == STR) {
    return soft(stored, t.x);
  }
  if (MODE == LTP) {
    return stored * gate(stored, t);
  }
  return stored;
}

fn alive(stored: vec4<f32>, t: vec2<f32>) -> vec4<bool> {
  if (MODE == LATENT || MODE == STR) {
    return soft(stored, t.x) != vec4(0.0);
  }
  if (MODE == LTP) {
    return (stored * stored > vec4(t.x)) | is_nan4(stored);
  }
  return stored != vec4(0.0);
}
