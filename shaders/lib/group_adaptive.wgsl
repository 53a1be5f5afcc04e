// The step of one weight by an adaptive optimiser in mode latent, as in lib/adaptive.wgsl, for lib/update_groups.wgsl.
//!include "lib/adaptive_step.wgsl"
struct Stepped { next: f32, state: State }

fn step(theta: f32, state: State, g: f32, decay: f32) -> Stepped {
  let a = advance(state, select(g + decay, g, DECOUPLED), adaptive_of(hyper.layers[0]), theta);
  return Stepped(select(theta, theta - hyper.lr * decay, DECOUPLED) - a.change, a.state);
}
