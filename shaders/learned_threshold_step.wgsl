// Learned thresholds, second half: one workgroup per layer adds up its segments and moves the threshold.
//   str:  d = sigmoid(s);  ds = -d (1 - d) sum g sign(theta);  SGD on s with momentum and decay
//   ltp:  dtau = -sum g theta q - l0 sum q;  tau_next = max(0, tau - raw_lr V^2 dtau), V = Var |theta|;  T = temperature V
// The factor V^2 makes the step of tau / V, which has no unit, the same for small and large weights. A step is limited to the
// share raw_clip of max(tau, V): a threshold may grow by that factor in each step, so the limit bounds no run of 100 steps or more.
//!include "lib/hyper.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/sum_vec4.wgsl"
const REMEMBERED: f32 = 0.98;            // weight of the past in the mean of the limited steps
const LTP: bool = false;                 //!spec   false: STR
const SCALED: bool = false;              //!spec   gradients are those of a scaled loss (loss_scale_check.wgsl)
struct Layer { first: u32, segments: u32, weights: u32, unused: u32 }
struct Params { rest: u32 }              // 1: compute what depends on the weights, learn nothing
@group(0) @binding(0) var<storage, read> sums: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> layer: array<Layer>;
@group(0) @binding(2) var<storage, read_write> hyper: Hyper;
@group(0) @binding(3) var<storage, read> guard: array<u32>;                            // [4]: see loss_scale_check.wgsl
@group(0) @binding(4) var<uniform> params: Params;

fn sigmoid(s: f32) -> f32 {
  let e = exp(-abs(s));
  return select(e / (1.0 + e), 1.0 / (1.0 + e), s >= 0.0);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let l = layer[group.x];
  var total = vec4(0.0);
  for (var k = lane; k < l.segments; k += 64u) {
    total += sums[l.first + k];
  }
  var sum = sum_vec4(total, lane);
  let skips = SCALED && params.rest == 0u && guard[1] != 0u;
  if (lane != 0u || hyper.phase == MASK || skips) {
    return;
  }
  if (SCALED) {
    sum.x *= bitcast<f32>(guard[2]);       // the others do not depend on gradients
  }
  if (guard[0] != 0xffffffffu) {
    hyper.layers[group.x].now = hyper.layers[group.x].next;
    return;
  }
  let learns = params.rest == 0u && hyper.phase == PRUNE;
  var t = hyper.layers[group.x];
  if (params.rest == 0u) {
    t.now = t.next;
  }
  if (LTP) {
    let mean = sum.z / f32(l.weights);
    let spread = sum.w / f32(l.weights) - mean * mean;
    t.spread = carried(max(spread, 1e-20), spread);
    if (learns) {
      let gradient = -sum.x - hyper.l0 * sum.y;
      let change = hyper.raw_lr * t.spread * gradient;
      let most = hyper.raw_clip * max(t.raw / t.spread, 1.0);
      t.raw = relu_of(t.raw - t.spread * carried(clamp(change, -most, most), change));
      t.limited = mix(select(0.0, -sign(change), abs(change) > most), t.limited, REMEMBERED);
    }
    t.next = vec2(t.raw, hyper.temperature * t.spread);
  } else {
    if (learns) {
      let u = -t.now.x * (1.0 - t.now.x) * sum.x + hyper.raw_decay * t.raw;
      t.velocity = hyper.raw_momentum * t.velocity + hyper.gradient_scale * u;
      t.raw -= hyper.raw_lr * select(t.velocity, u + hyper.raw_momentum * t.velocity, hyper.raw_nesterov != 0.0);
    }
    t.next = vec2(sigmoid(t.raw), 0.0);
  }
  if (params.rest == 1u) {
    t.now = t.next;
  }
  hyper.layers[group.x] = t;
}
