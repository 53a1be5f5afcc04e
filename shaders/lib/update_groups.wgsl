// The frame of the fused update with group thresholds: what lib/update_segment.wgsl is for thresholds of single weights. A kernel
// includes lib/update_blocks.wgsl or lib/update_rows.wgsl, which walk the groups, and lib/group_sgd.wgsl or
// lib/group_adaptive.wgsl, which define the step of a weight. The frame then shrinks its group.
//   latent   w = prox(theta; d);  theta_next = theta - lr v_next;  w_next = prox(theta_next; d_next)
//   inplace  w_next = prox(w - lr v_next; d_next - d)
// prox is that of lib/sparse_group.wgsl, with d1 + d2 = d. TRUE_GRADIENT: theta moves by the gradient through prox(theta; d);
// otherwise straight through. LEARNED (STR): d is that of the layer, which learned_threshold_step.wgsl moved before this pass.
//!include "lib/index.wgsl"
//!include "lib/sparse_group.wgsl"
//!include "lib/group_table.wgsl"
const MOMENTUM: bool = true;             //!spec   false: no momentum buffer (a dummy is bound)
const DECAY_EFFECTIVE: bool = false;     //!spec   latent: weight decay acts on w instead of theta
const STORES_WEIGHT: bool = true;        //!spec   latent; false: inplace, `weight` is a dummy
const SCALED: bool = false;              //!spec   gradients are those of a scaled loss (loss_scale_check.wgsl)
const TRUE_GRADIENT: bool = false;       //!spec   latent
const LEARNED: bool = false;             //!spec   latent
const APPLIES: bool = false;             //!spec   latent: no step, only w = prox(theta; d_next)
const SMALLEST: f32 = 0x1p-126f;         // a live weight that a step takes to zero gets this value, so that zeros are the mask
// A rule computes with single weights; those of a segment's plane follow one another.
alias Num = f32;
alias Flags = bool;
const PLANE: u32 = 1024u;

// share: of the threshold that acts on groups, d2 = share d and d1 = d - d2.
struct Params { rows: u32, layers: u32, share: f32 }
@group(0) @binding(0) var<storage, read> gradient: array<f32>;
@group(0) @binding(1) var<storage, read_write> velocity: array<f32>;
@group(0) @binding(2) var<storage, read_write> latent: array<f32>;
@group(0) @binding(3) var<storage, read_write> weight: array<f32>;
@group(0) @binding(4) var<storage, read> table: array<GroupRow>;
// [5, layers]: non-zero, pruned, regrown, ~step or 0, live groups
@group(0) @binding(5) var<storage, read_write> counts: array<atomic<u32>>;
@group(0) @binding(6) var<storage, read> hyper: Hyper;
@group(0) @binding(7) var<storage, read> guard: array<u32>;                  // [4]: see loss_scale_check.wgsl; change nothing if [0] is set
@group(0) @binding(8) var<uniform> params: Params;

var<private> masks: bool;
var<private> frozen: bool;
// (d1, d2) before and after the step.
var<private> now: vec2<f32>;
var<private> next: vec2<f32>;
// Numbers of the lane: non-zero, pruned, regrown; live groups; the largest exponents written, in which NaN and infinity have all
// bits set.
var<private> counted: vec3<u32>;
var<private> live: u32;
var<private> exponent: u32;
var<workgroup> tally: array<atomic<u32>, 5>;

fn divided(d: f32) -> vec2<f32> {
  let d2 = params.share * d;
  return vec2(d - d2, d2);
}

fn begin(layer: u32) {
  prunes = hyper.phase == PRUNE;
  masks = hyper.phase == MASK;
  frozen = guard[0] != 0xffffffffu || (SCALED && guard[1] != 0u);
  now = divided(hyper.threshold_now);
  next = divided(select(hyper.tau, hyper.threshold_next, STORES_WEIGHT));
  if (LEARNED) {
    let t = hyper.layers[layer];
    // A skipped step left `next` in place.
    now = divided(select(t.now.x, t.next.x, frozen));
    next = divided(t.next.x);
  }
}

// Gradient by w as it arrived, 0 for zeros in phase MASK.
fn arrived(i: u32, theta: f32) -> f32 {
  var g = gradient[i];
  if (SCALED) {
    g *= bitcast<f32>(guard[2]);
  }
  return select(0.0, g, theta != 0.0 || !masks);
}

// The way of a gradient through the threshold of a group: see group_gradient(). edge: |theta| above which a weight of it is open.
struct Through {
  factor: f32,
  turn: f32,
  edge: f32,
}

// Of a group with n members, from the sums of u^2 and u g over them, u = S(theta, d1).
fn through_group(squares: f32, along: f32, n: u32) -> Through {
  return Through(group_factor(squares, n, now.y), group_turn(squares, n, now.y, along), now.x);
}

// A weight after its step and before the threshold.
struct Moved {
  next: f32,
  state: State,
  was_alive: bool,
}

fn moved(i: u32, t: Through) -> Moved {
  let theta = latent[i];
  var state: State;
  if (APPLIES) {
    return Moved(theta, state, true);
  }
  var w = theta;
  if (STORES_WEIGHT) {
    w = weight[i];                       // prox(theta; d), as the forward pass read it
  }
  if (MOMENTUM) {
    state = load_state(i / PLANE, i % PLANE);
  }
  var g = arrived(i, theta);
  if (TRUE_GRADIENT && prunes) {
    g = group_gradient(soft(theta, now.x), g, t.factor, t.turn, abs(theta) > t.edge || t.edge == 0.0);
  }
  let s = step(theta, state, g, hyper.weight_decay * select(theta, w, DECAY_EFFECTIVE));
  let kept = select(s.next, SMALLEST, abs(s.next) < SMALLEST);
  return Moved(select(s.next, select(0.0, kept, theta != 0.0), masks), s.state, w != 0.0);
}

// Stores a weight and counts it. w: after the threshold. True if it is alive.
fn finish(i: u32, m: Moved, w: f32) -> bool {
  if (APPLIES) {
    weight[i] = w;
    return true;
  }
  let is_alive = select(w != 0.0, m.was_alive, frozen || masks);
  counted += select(vec3(0u), vec3(1u), vec3(is_alive, m.was_alive && !is_alive, !m.was_alive && is_alive));
  exponent = max(exponent, bitcast<u32>(w) & 0x7f800000u);
  if (!frozen) {
    latent[i] = select(w, m.next, STORES_WEIGHT);
    if (MOMENTUM) {
      store_state(i / PLANE, i % PLANE, m.state);
    }
    if (STORES_WEIGHT) {
      weight[i] = w;
    }
  }
  return is_alive;
}

// Adds the counts of the workgroup to those of its layer. Integers: the order of these atomics cannot change the result.
// is_group: the workgroup holds one group.
fn hand_over(layer: u32, lane: u32, inside: bool, is_group: bool) {
  if (APPLIES) {
    return;
  }
  atomicAdd(&tally[0], counted.x);
  atomicAdd(&tally[1], counted.y);
  atomicAdd(&tally[2], counted.z);
  atomicMax(&tally[3], select(0u, ~hyper.step, !frozen && exponent == 0x7f800000u));
  atomicAdd(&tally[4], live);
  workgroupBarrier();
  if (lane < 5u && inside) {
    var n = atomicLoad(&tally[lane]);
    if (lane == 4u && is_group) {
      n = min(atomicLoad(&tally[0]), 1u);
    }
    let entry = lane * params.layers + layer;
    if (n > 0u && lane != 3u) {
      atomicAdd(&counts[entry], n);
    } else if (n > 0u) {
      atomicMax(&counts[entry], n);      // the largest ~step is the first step
    }
  }
}
