// The frame of the fused update: one pass over the parameter arena. A rule (sgd_*.wgsl, adam.wgsl, rmsprop.wgsl) includes it and
// defines update(), and with lib/sgd_momentum.wgsl or lib/adaptive.wgsl the State of a weight beside its value.
// A workgroup handles one segment of 1024 elements, all of one layer; 64 invocations take four vec4 each. The frame holds
// zeros in phase MASK, changes nothing after a bad loss or in a step whose scaled gradients overflowed, counts what is non-zero, pruned and regrown, and notes the first
// step that wrote a NaN or an infinity.
//!include "lib/index.wgsl"
//!include "lib/segment.wgsl"
//!include "lib/hyper.wgsl"
const MOMENTUM: bool = true;             //!spec   false: no momentum buffer (a dummy is bound)
const DECAY_EFFECTIVE: bool = false;     //!spec   latent, inplace: weight decay acts on w instead of theta
const STORES_WEIGHT: bool = true;        //!spec   false: `weight` is a dummy, the forward pass reads `latent`
const SCALED: bool = false;              //!spec   gradients are those of a scaled loss (loss_scale_check.wgsl)
const READS_WEIGHT: bool = false;        //!spec   the rule reads w
const HELD: u32 = 4u;                    //!spec   quads whose loads are issued together: 4, or 1 where registers are few
const SMALLEST: f32 = 0x1p-126f;         // a live weight that a step takes to zero gets this value, so that zeros are the mask

// A rule computes with quads of weights; those of a segment's plane follow one another.
alias Num = vec4<f32>;
alias Flags = vec4<bool>;
const PLANE: u32 = 256u;

struct Params { segments: u32, layers: u32 }
@group(0) @binding(0) var<storage, read> gradient: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> velocity: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> latent: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> weight: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> segment: array<Segment>;
@group(0) @binding(5) var<storage, read_write> counts: array<atomic<u32>>;   // [4, layers]: non-zero, pruned, regrown, ~step or 0
@group(0) @binding(6) var<storage, read> hyper: Hyper;
@group(0) @binding(7) var<storage, read> guard: array<u32>;                  // [4]: see loss_scale_check.wgsl; change nothing if [0] is set
@group(0) @binding(8) var<uniform> params: Params;

// The result of a rule.
struct Updated {
  theta: vec4<f32>,                      // stored weight
  v: State,                              // momentum, or moments
  w: vec4<f32>,                          // weight that the next forward pass reads
  was_alive: vec4<bool>,                 // not pruned before the step
  is_alive: vec4<bool>,                  // not pruned after it
}

// `next`, in phase MASK with the zeros of `theta` kept.
fn masked(next: vec4<f32>, theta: vec4<f32>) -> vec4<f32> {
  // Without a branch where it would part the loads from their first use.
  if (HELD == 1u && !masks) {
    return next;
  }
  let kept = select(next, vec4(SMALLEST), abs(next) < vec4(SMALLEST));
  return select(next, select(vec4(0.0), kept, theta != vec4(0.0)), masks);
}

// A layer's learned threshold during this step's forward pass. A skipped step left `next` in place.
fn learned_now(layer: u32) -> vec2<f32> {
  return select(hyper.layers[layer].now, hyper.layers[layer].next, frozen);
}

fn count(x: vec4<bool>) -> u32 {
  return dot(select(vec4(0u), vec4(1u), x), vec4(1u));
}

var<private> masks: bool;
var<private> frozen: bool;
// Numbers of the lane: non-zero, pruned, regrown; the largest exponents written, in which NaN and infinity have all bits set.
var<private> counted: vec3<u32>;
var<private> exponent: vec4<u32>;
var<workgroup> tally: array<atomic<u32>, 4>;

// Updates the quads turn, turn + 1, ... of the lane: HELD of them, 64 apart.
fn update_quads(turn: u32, index: u32, s: Segment, lane: u32) {
  let first = index * 256u;
  let last = (s.count - 1u) / 4u;
  var theta: array<vec4<f32>, HELD>;
  var g: array<vec4<f32>, HELD>;
  var v: array<State, HELD>;
  var w: array<vec4<f32>, HELD>;
  // Padding is read too: all loads are issued before the first is used, and no branch below defers one.
  for (var k = 0u; k < HELD; k++) {  //!unroll
    let i = first + (turn + k) * 64u + lane;
    theta[k] = latent[i];
    g[k] = gradient[i];
    if (MOMENTUM) {
      v[k] = load_state(index, (turn + k) * 64u + lane);
    }
    if (READS_WEIGHT) {
      w[k] = weight[i];
    }
  }
  for (var k = 0u; k < HELD; k++) {  //!unroll
    if (SCALED) {
      g[k] *= bitcast<f32>(guard[2]);
    }
    g[k] = select(vec4(0.0), g[k], (theta[k] != vec4(0.0)) | vec4(!masks));
    let next = update(theta[k], v[k], g[k], w[k], s.layer);
    let is_alive = select(next.is_alive, next.was_alive, vec4(frozen | masks));
    let valid = vec4(((turn + k) * 64u + lane) * 4u) + vec4(0u, 1u, 2u, 3u) < vec4(s.count);
    counted += vec3(count(is_alive & valid), count(next.was_alive & !is_alive & valid),
                    count(!next.was_alive & is_alive & valid));
    // Where theta is not finite, neither is w.
    exponent = max(exponent, bitcast<vec4<u32>>(next.w) & vec4(0x7f800000u));
    theta[k] = next.theta;
    v[k] = next.v;
    w[k] = next.w;
  }
  for (var k = 0u; k < HELD; k++) {  //!unroll
    let at = (turn + k) * 64u + lane;
    if (at <= last && !frozen) {
      latent[first + at] = theta[k];
      if (MOMENTUM) {
        store_state(index, at, v[k]);
      }
      if (STORES_WEIGHT) {
        weight[first + at] = w[k];
      }
    }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let index = flat_group(group, groups);
  let inside = index < params.segments;
  let s = segment[min(index, params.segments - 1u)];
  prunes = hyper.phase == PRUNE;
  masks = hyper.phase == MASK;
  frozen = guard[0] != 0xffffffffu || (SCALED && guard[1] != 0u);
  if (inside) {
    if (HELD == 4u) {
      update_quads(0u, index, s, lane);
    } else {
      for (var turn = 0u; turn < 4u && turn * 256u < s.count; turn += HELD) {
        update_quads(turn, index, s, lane);
      }
    }
  }
  // Integers: the order of these atomics cannot change the result.
  atomicAdd(&tally[0], counted.x);
  atomicAdd(&tally[1], counted.y);
  atomicAdd(&tally[2], counted.z);
  atomicMax(&tally[3], select(0u, ~hyper.step, !frozen && any(exponent == vec4(0x7f800000u))));
  workgroupBarrier();
  if (lane < 4u && inside) {
    let n = atomicLoad(&tally[lane]);
    let entry = lane * params.layers + s.layer;
    if (n > 0u && lane < 3u) {
      atomicAdd(&counts[entry], n);
    } else if (n > 0u) {
      atomicMax(&counts[entry], n);          // the largest ~step is the first step
    }
  }
}
