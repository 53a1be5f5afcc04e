// The frame of the fused update with group thresholds (sgd_block.wgsl, sgd_rows.wgsl): what lib/update_segment.wgsl is for
// thresholds of single weights. A weight moves as in sgd_latent.wgsl or sgd_inplace.wgsl; the rule then shrinks its group.
//!include "lib/index.wgsl"
//!include "lib/sparse_group.wgsl"
//!include "lib/group_table.wgsl"
const MOMENTUM: bool = true;             //!spec   false: no momentum buffer (a dummy is bound)
const NESTEROV: bool = false;            //!spec
const DECAY_EFFECTIVE: bool = false;     //!spec   latent: weight decay acts on w instead of theta
const STORES_WEIGHT: bool = true;        //!spec   latent; false: inplace, `weight` is a dummy
const SCALED: bool = false;              //!spec   gradients are those of a scaled loss (loss_scale_check.wgsl)
const SMALLEST: f32 = 0x1p-126f;         // a live weight that a step takes to zero gets this value, so that zeros are the mask

// share: of the threshold that acts on groups, d2 = share d and d1 = d - d2.
struct Params { rows: u32, layers: u32, share: f32 }
@group(0) @binding(0) var<storage, read> gradient: array<f32>;
@group(0) @binding(1) var<storage, read_write> velocity: array<f32>;
@group(0) @binding(2) var<storage, read_write> latent: array<f32>;
@group(0) @binding(3) var<storage, read_write> weight: array<f32>;
@group(0) @binding(4) var<storage, read> table: array<GroupRow>;
@group(0) @binding(5) var<storage, read_write> counts: array<atomic<u32>>;   // [4, layers]: non-zero, pruned, regrown, ~step or 0
@group(0) @binding(6) var<storage, read> hyper: Hyper;
@group(0) @binding(7) var<storage, read> guard: array<u32>;                  // [4]: see loss_scale_check.wgsl; change nothing if [0] is set
@group(0) @binding(8) var<uniform> params: Params;

var<private> masks: bool;
var<private> frozen: bool;
var<private> d1: f32;
var<private> d2: f32;
// Numbers of the lane: non-zero, pruned, regrown; the largest exponents written, in which NaN and infinity have all bits set.
var<private> counted: vec3<u32>;
var<private> exponent: u32;
var<workgroup> tally: array<atomic<u32>, 4>;

fn begin() {
  prunes = hyper.phase == PRUNE;
  masks = hyper.phase == MASK;
  frozen = guard[0] != 0xffffffffu || (SCALED && guard[1] != 0u);
  let d = select(hyper.tau, hyper.threshold_next, STORES_WEIGHT);
  d2 = params.share * d;
  d1 = d - d2;
}

// A weight after its step and before the threshold.
struct Moved {
  next: f32,
  v: f32,
  was_alive: bool,
}

fn moved(i: u32) -> Moved {
  let theta = latent[i];
  var w = theta;
  if (STORES_WEIGHT) {
    w = weight[i];                       // prox(theta; threshold_now), as the forward pass read it
  }
  var g = gradient[i];
  if (SCALED) {
    g *= bitcast<f32>(guard[2]);
  }
  g = select(0.0, g, theta != 0.0 || !masks);
  let u = g + hyper.weight_decay * select(theta, w, DECAY_EFFECTIVE);
  var v_next = u;
  if (MOMENTUM) {
    v_next = hyper.momentum * velocity[i] + hyper.gradient_scale * u;
  }
  let next = theta - hyper.lr * select(v_next, u + hyper.momentum * v_next, NESTEROV);
  let kept = select(next, SMALLEST, abs(next) < SMALLEST);
  return Moved(select(next, select(0.0, kept, theta != 0.0), masks), v_next, w != 0.0);
}

// Stores a weight and counts it. w: after the threshold.
fn finish(i: u32, m: Moved, w: f32) {
  let is_alive = select(w != 0.0, m.was_alive, frozen || masks);
  counted += select(vec3(0u), vec3(1u), vec3(is_alive, m.was_alive && !is_alive, !m.was_alive && is_alive));
  exponent = max(exponent, bitcast<u32>(w) & 0x7f800000u);
  if (frozen) {
    return;
  }
  latent[i] = select(w, m.next, STORES_WEIGHT);
  if (MOMENTUM) {
    velocity[i] = m.v;
  }
  if (STORES_WEIGHT) {
    weight[i] = w;
  }
}

// Adds the counts of the workgroup to those of its layer. Integers: the order of these atomics cannot change the result.
fn hand_over(layer: u32, lane: u32, inside: bool) {
  atomicAdd(&tally[0], counted.x);
  atomicAdd(&tally[1], counted.y);
  atomicAdd(&tally[2], counted.z);
  atomicMax(&tally[3], select(0u, ~hyper.step, !frozen && exponent == 0x7f800000u));
  workgroupBarrier();
  if (lane < 4u && inside) {
    let n = atomicLoad(&tally[lane]);
    let entry = lane * params.layers + layer;
    if (n > 0u && lane < 3u) {
      atomicAdd(&counts[entry], n);
    } else if (n > 0u) {
      atomicMax(&counts[entry], n);      // the largest ~step is the first step
    }
  }
}
