// One step of a spiking neuron: charge, fire, reset. H is the potential before firing, V after the reset, S the spike.
// All kinds are one formula with other numbers, so that they share their kernels:
//   charge  H = V + (rest - V) · leak + X · gain     IF: leak 0, gain 1; LIF: leak k, gain k or (input not decayed) 1
//   reset   V = H, or after a spike keep · H + to    hard: keep 0, to the reset value; soft: keep 1, to minus the threshold
alias Item = vec4<f32>;                  //!spec   f32, or vec4<f32> for four neighbouring neurons
alias Stored = Item;                     //!spec   activations in memory: Item, or as many f16
alias Bits = vec4<u32>;                  //!spec   u32 or vec4<u32>, as Item
const LEARNED: bool = false;             //!spec   PLIF: k = sigmoid(w), else params.k
const SMOOTH: bool = false;              //!spec   fire the surrogate's primitive instead of the step
// Lanes with adjacent Items. An invocation's next Item is NEAR further, so that the lanes that a CPU runs together, in all their
// rounds, read memory without a gap: farther apart the caches fetch half of it too late.
const NEAR: u32 = 8u;                    //!spec   lanes of a subgroup on a CPU
//!include "lib/surrogate.wgsl"

fn leak_factor() -> f32 {
  if (LEARNED) {
    let e = exp(-abs(w[0]));
    return select(e, 1.0, w[0] >= 0.0) / (1.0 + e);
  }
  return params.k;
}

// By fma where a compiler might join product and sum in one kernel and not in another: backward has to fire as forward did.
fn charge(v: Item, x: Item, k: f32) -> Item {
  let gain = select(1.0, k, params.decay_input != 0u);
  return fma(x, Item(gain), fma(Item(params.rest) - v, Item(k), v));
}

fn fire(h: Item) -> Item {
  let u = h - Item(params.threshold);
  if (SMOOTH) {
    return surrogate_primitive(u, params.alpha, params.slope);
  }
  return select(Item(0.0), Item(1.0), u >= Item(0.0));
}

fn after_spike(h: Item) -> Item {
  return fma(h, Item(params.keep), Item(params.to));
}

fn after_reset(h: Item, s: Item) -> Item {
  if (SMOOTH) {
    return fma(s, after_spike(h) - h, h);
  }
  return select(h, after_spike(h), s > Item(0.0));
}
