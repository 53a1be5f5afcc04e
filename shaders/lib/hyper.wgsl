// Numbers of a step, which the host packs by field name, and the learned threshold of each layer.
// Phases of Hyper.phase:
const PRUNE: f32 = 0.0;                  // the rule's threshold acts
const MASK: f32 = 1.0;                   // zeros stay zero, the other weights are trained
const DENSE: f32 = 2.0;                  // no threshold acts; learned thresholds do not move

struct LayerThreshold {
  now: vec2<f32>,                        // in force during this step's forward pass: (d, -) of STR, (tau, T) of LTP
  next: vec2<f32>,                       // in force after this step
  raw: f32,                              // what is learned: s of STR, tau of LTP
  velocity: f32,                         // momentum of s
  spread: f32,                           // Var |theta| of LTP
  limited: f32,                          // LTP: mean over the latest 50 steps or so: 1 or -1 where the limit cut a rise or a fall, else 0
}
struct Hyper {
  lr: f32,
  threshold_now: f32,                    // d, in force during this step's forward pass
  threshold_next: f32,                   // d', in force after this step
  tau: f32,                              // d' - d, subtracted in float64 and rounded once
  gradient_scale: f32,                   // 1 - dampening; 1 in the first step
  momentum: f32,                         // FISTA: the extrapolation's share
  weight_decay: f32,
  phase: f32,
  raw_lr: f32,                           // learning rate, decay and momentum of what is learned
  raw_decay: f32,
  raw_momentum: f32,
  raw_clip: f32,                         // LTP: largest change of tau in a step, as a share of the larger of tau and spread
  l0: f32,                               // LTP: cost of one weight; latent: cost of a unit of |theta| (Grad R)
  temperature: f32,                      // LTP: T / spread
  raw_nesterov: f32,                     // 0 or 1
  step: u32,                             // number of this step
  layers: array<LayerThreshold>,
}

// Set by main() before the rest: true in phase PRUNE.
var<private> prunes: bool;
