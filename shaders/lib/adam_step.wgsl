// Adam, AMSGrad and AdamW. At step t = 1, 2, ..., with the gradient u of the frame:
//   m_next = beta1 m + (1 - beta1) u
//   v_next = beta2 v + (1 - beta2) u^2       AMSGrad: the divisor has the largest v so far
//   s      = sqrt(v_next / (1 - beta2^t)) + eps
//   change = lr / (1 - beta1^t) m_next / s
// Source: Kingma and Ba 2015; Reddi, Kale and Kumar 2018 (AMSGrad); Loshchilov and Hutter 2019 (AdamW). The order of operations is
// that of torch.optim.
//!include "lib/adaptive_step.wgsl"
const AMSGRAD: bool = false;             //!spec
const PLANES: u32 = select(2u, 3u, AMSGRAD);

struct State { m: Num, v: Num, largest: Num }

// A segment's moments follow one another, a plane each.
fn load_state(index: u32, at: u32) -> State {
  let i = index * PLANES * PLANE + at;
  var largest = Num(0.0);
  if (AMSGRAD) {
    largest = velocity[i + 2u * PLANE];
  }
  return State(velocity[i], velocity[i + PLANE], largest);
}

fn store_state(index: u32, at: u32, s: State) {
  let i = index * PLANES * PLANE + at;
  velocity[i] = s.m;
  velocity[i + PLANE] = s.v;
  if (AMSGRAD) {
    velocity[i + 2u * PLANE] = s.largest;
  }
}

fn advance(s: State, u: Num, n: Adaptive, theta: Num) -> Advanced {
  let m = hyper.momentum * s.m + hyper.gradient_scale * u;
  let v = n.beta * s.v + n.take * (u * u);
  let largest = max(s.largest, v);
  let divisor = sqrt(select(v, largest, AMSGRAD)) * n.root_bias + Num(n.eps);
  let state = State(held(m, theta), held(v, theta), held(largest, theta));
  return Advanced(state, n.step_size * (m / divisor), divisor);
}
