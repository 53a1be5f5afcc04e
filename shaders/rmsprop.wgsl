// RMSProp, with momentum and centered if asked for, with the gradient u of lib/adaptive.wgsl:
//   v_next = alpha v + (1 - alpha) u^2
//   c_next = alpha c + (1 - alpha) u         centered: the variance v_next - c_next^2 takes the place of v_next below
//   s      = sqrt(v_next) + eps
//   b_next = momentum b + u / s              without momentum: u / s
//   change = lr b_next
// Source: Tieleman and Hinton 2012; Graves 2013 (centered). The order of operations is that of torch.optim.RMSprop.
//!include "lib/adaptive.wgsl"
const CENTERED: bool = false;            //!spec
const BUFFERED: bool = false;            //!spec   with momentum
const PLANES: u32 = select(1u, 2u, CENTERED) + select(0u, 1u, BUFFERED);
const BUFFER: u32 = select(256u, 512u, CENTERED);

struct State { v: vec4<f32>, c: vec4<f32>, b: vec4<f32> }

// A segment's moments follow one another, each of 256 quads.
fn load_state(index: u32, at: u32) -> State {
  let i = index * PLANES * 256u + at;
  var s = State(velocity[i], vec4(0.0), vec4(0.0));
  if (CENTERED) {
    s.c = velocity[i + 256u];
  }
  if (BUFFERED) {
    s.b = velocity[i + BUFFER];
  }
  return s;
}

fn store_state(index: u32, at: u32, s: State) {
  let i = index * PLANES * 256u + at;
  velocity[i] = s.v;
  if (CENTERED) {
    velocity[i + 256u] = s.c;
  }
  if (BUFFERED) {
    velocity[i + BUFFER] = s.b;
  }
}

fn advance(s: State, u: vec4<f32>, n: Adaptive, theta: vec4<f32>) -> Advanced {
  let v = n.beta * s.v + n.take * (u * u);
  let c = n.beta * s.c + n.take * u;
  // Rounding may take the variance of a steady gradient below 0.
  let spread = select(v, max(v - c * c, vec4(0.0)), CENTERED);
  let divisor = sqrt(spread) + vec4(n.eps);
  let b = select(vec4(0.0), hyper.momentum * s.b, BUFFERED) + u / divisor;
  return Advanced(State(held(v, theta), held(c, theta), held(b, theta)), n.step_size * b, divisor);
}
