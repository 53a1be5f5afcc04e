// The state of SGD: the momentum of a weight. The frame defines Num, a weight or a quad of weights.
const NESTEROV: bool = false;            //!spec
alias State = Num;

// Entry `at` of segment `index`.
fn load_state(index: u32, at: u32) -> State {
  return velocity[index * PLANE + at];
}

fn store_state(index: u32, at: u32, v: State) {
  velocity[index * PLANE + at] = v;
}

// v_next = momentum v + (1 - dampening) u, where u is the gradient with weight decay.
fn accumulate(v: Num, u: Num) -> Num {
  if (!MOMENTUM) {
    return u;
  }
  return hyper.momentum * v + hyper.gradient_scale * u;
}

// The direction of the step: v_next, or Nesterov's u + momentum v_next.
fn direction(u: Num, v_next: Num) -> Num {
  return select(v_next, u + hyper.momentum * v_next, NESTEROV);
}
