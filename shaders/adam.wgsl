// Adam, AMSGrad and AdamW. At step t = 1, 2, ..., with the gradient u of lib/adaptive.wgsl:
//   m_next = beta1 m + (1 - beta1) u
//   v_next = beta2 v + (1 - beta2) u^2       AMSGrad: the divisor has the largest v so far
//   s      = sqrt(v_next / (1 - beta2^t)) + eps
//   change = lr / (1 - beta1^t) m_next / s
// Source: Kingma and Ba 2015; Reddi, Kale and Kumar 2018 (AMSGrad); Loshchilov and Hutter 2019 (AdamW). The order of operations is
// that of torch.optim.
//!include "lib/adaptive.wgsl"
const AMSGRAD: bool = false;             //!spec
const PLANES: u32 = select(2u, 3u, AMSGRAD);

struct State { m: vec4<f32>, v: vec4<f32>, largest: vec4<f32> }

// A segment's moments follow one another, each of 256 quads.
fn load_state(index: u32, at: u32) -> State {
  let i = index * PLANES * 256u + at;
  var largest = vec4(0.0);
  if (AMSGRAD) {
    largest = velocity[i + 512u];
  }
  return State(velocity[i], velocity[i + 256u], largest);
}

fn store_state(index: u32, at: u32, s: State) {
  let i = index * PLANES * 256u + at;
  velocity[i] = s.m;
  velocity[i + 256u] = s.v;
  if (AMSGRAD) {
    velocity[i + 512u] = s.largest;
  }
}

fn advance(s: State, u: vec4<f32>, n: Adaptive, theta: vec4<f32>) -> Advanced {
  let m = hyper.momentum * s.m + hyper.gradient_scale * u;
  let v = n.beta * s.v + n.take * (u * u);
  let largest = max(s.largest, v);
  let divisor = sqrt(select(v, largest, AMSGRAD)) * n.root_bias + vec4(n.eps);
  let state = State(held(m, theta), held(v, theta), held(largest, theta));
  return Advanced(state, n.step_size * (m / divisor), divisor);
}
