// The state of SGD: the momentum of a weight.
const NESTEROV: bool = false;            //!spec
alias State = vec4<f32>;

// Quad `at` of segment `index`.
fn load_state(index: u32, at: u32) -> State {
  return velocity[index * 256u + at];
}

fn store_state(index: u32, at: u32, v: State) {
  velocity[index * 256u + at] = v;
}

// v_next = momentum v + (1 - dampening) u, where u is the gradient with weight decay.
fn accumulate(v: vec4<f32>, u: vec4<f32>) -> vec4<f32> {
  if (!MOMENTUM) {
    return u;
  }
  return hyper.momentum * v + hyper.gradient_scale * u;
}

// The direction of the step: v_next, or Nesterov's u + momentum v_next.
fn direction(u: vec4<f32>, v_next: vec4<f32>) -> vec4<f32> {
  return select(v_next, u + hyper.momentum * v_next, NESTEROV);
}
