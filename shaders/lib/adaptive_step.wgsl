// The step of one weight, or of a quad of them, by an adaptive optimiser: what lib/adam_step.wgsl and lib/rmsprop_step.wgsl share.
//!include "lib/adaptive_numbers.wgsl"
const DECOUPLED: bool = false;           //!spec   decay acts on the weight, not through the gradient (AdamW)

struct Advanced {
  state: State,
  change: Num,                           // with the learning rate
  divisor: Num,
}

// x, 0 for pruned weights in phase MASK: their state ends with them.
fn held(x: Num, theta: Num) -> Num {
  return select(Num(0.0), x, (theta != Num(0.0)) | Flags(!masks));
}
