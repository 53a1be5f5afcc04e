// RMSProp, with momentum and centered if asked for, with the gradient u of the frame:
//   v_next = alpha v + (1 - alpha) u^2
//   c_next = alpha c + (1 - alpha) u         centered: the variance v_next - c_next^2 takes the place of v_next below
//   s      = sqrt(v_next) + eps
//   b_next = momentum b + u / s              without momentum: u / s
//   change = lr b_next
// Source: Tieleman and Hinton 2012; Graves 2013 (centered). The order of operations is that of torch.optim.RMSprop.
//!include "lib/adaptive_step.wgsl"
const CENTERED: bool = false;            //!spec
const BUFFERED: bool = false;            //!spec   with momentum
const PLANES: u32 = select(1u, 2u, CENTERED) + select(0u, 1u, BUFFERED);
const BUFFER: u32 = select(1u, 2u, CENTERED) * PLANE;

struct State { v: Num, c: Num, b: Num }

// A segment's moments follow one another, a plane each.
fn load_state(index: u32, at: u32) -> State {
  let i = index * PLANES * PLANE + at;
  var s = State(velocity[i], Num(0.0), Num(0.0));
  if (CENTERED) {
    s.c = velocity[i + PLANE];
  }
  if (BUFFERED) {
    s.b = velocity[i + BUFFER];
  }
  return s;
}

fn store_state(index: u32, at: u32, s: State) {
  let i = index * PLANES * PLANE + at;
  velocity[i] = s.v;
  if (CENTERED) {
    velocity[i + PLANE] = s.c;
  }
  if (BUFFERED) {
    velocity[i + BUFFER] = s.b;
  }
}

fn advance(s: State, u: Num, n: Adaptive, theta: Num) -> Advanced {
  let v = n.beta * s.v + n.take * (u * u);
  let c = n.beta * s.c + n.take * u;
  // Rounding may take the variance of a steady gradient below 0.
  let spread = select(v, max(v - c * c, Num(0.0)), CENTERED);
  let divisor = sqrt(spread) + Num(n.eps);
  let b = select(Num(0.0), hyper.momentum * s.b, BUFFERED) + u / divisor;
  return Advanced(State(held(v, theta), held(c, theta), held(b, theta)), n.step_size * b, divisor);
}
