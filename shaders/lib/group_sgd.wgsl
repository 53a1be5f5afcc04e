// The step of one weight by SGD, for lib/update_groups.wgsl.
//   u = g + weight_decay x;   v_next = momentum v + u;   x_next = x - lr v_next      decay: weight_decay x
//!include "lib/sgd_momentum.wgsl"
struct Stepped { next: f32, state: State }

fn step(theta: f32, v: State, g: f32, decay: f32) -> Stepped {
  let u = g + decay;
  let v_next = accumulate(v, u);
  return Stepped(theta - hyper.lr * direction(u, v_next), v_next);
}
