// The frame of the fused update: one pass over the parameter arena. A rule (sgd_*.wgsl) includes it and defines update().
// A workgroup handles one segment of 1024 elements, all of one layer; 64 invocations take four vec4 each. The frame holds
// zeros in phase MASK, changes nothing after a bad loss, counts what is non-zero, pruned and regrown, and notes the first
// step that wrote a NaN or an infinity.
//!include "lib/index.wgsl"
//!include "lib/segment.wgsl"
//!include "lib/hyper.wgsl"
const MOMENTUM: bool = true;             //!spec   false: no momentum buffer (a dummy is bound)
const NESTEROV: bool = false;            //!spec
const DECAY_EFFECTIVE: bool = false;     //!spec   latent, inplace: weight decay acts on w instead of theta
const STORES_WEIGHT: bool = true;        //!spec   false: `weight` is a dummy, the forward pass reads `latent`
const SMALLEST: f32 = 0x1p-126f;         // a live weight that a step takes to zero gets this value, so that zeros are the mask

struct Params { segments: u32, layers: u32 }
@group(0) @binding(0) var<storage, read> gradient: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> velocity: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> latent: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> weight: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> segment: array<Segment>;
@group(0) @binding(5) var<storage, read_write> counts: array<atomic<u32>>;   // [4, layers]: non-zero, pruned, regrown, ~step or 0
@group(0) @binding(6) var<storage, read> hyper: Hyper;
@group(0) @binding(7) var<storage, read> guard: array<u32>;                  // [1] set: a loss was not finite, change nothing
@group(0) @binding(8) var<uniform> params: Params;

// The result of a rule.
struct Updated {
  theta: vec4<f32>,                      // stored weight
  v: vec4<f32>,                          // momentum
  w: vec4<f32>,                          // weight that the next forward pass reads
  was_alive: vec4<bool>,                 // not pruned before the step
  is_alive: vec4<bool>,                  // not pruned after it
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

// `next`, in phase MASK with the zeros of `theta` kept.
fn masked(next: vec4<f32>, theta: vec4<f32>) -> vec4<f32> {
  if (!masks) {
    return next;
  }
  return select(vec4(0.0), select(next, vec4(SMALLEST), abs(next) < vec4(SMALLEST)), theta != vec4(0.0));
}

fn count(x: vec4<bool>) -> u32 {
  return dot(select(vec4(0u), vec4(1u), x), vec4(1u));
}

var<private> masks: bool;
var<workgroup> tally: array<atomic<u32>, 4>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let index = flat_group(group, groups);
  let inside = index < params.segments;
  let s = segment[min(index, params.segments - 1u)];
  prunes = hyper.phase == PRUNE;
  masks = hyper.phase == MASK;
  let frozen = guard[0] != 0xffffffffu;
  var nonzero = 0u;
  var pruned = 0u;
  var regrown = 0u;
  var exponent = vec4(0u);                 // largest exponent written: NaN and infinity have all bits set
  if (inside) {
    for (var k = 0u; k < 4u; k++) {
      let at = k * 64u + lane;             // vec4 within the segment
      if (at * 4u >= s.count) {
        break;
      }
      let i = index * 256u + at;
      let theta = latent[i];
      var g = gradient[i];
      if (masks) {
        g = select(vec4(0.0), g, theta != vec4(0.0));
      }
      var v = vec4(0.0);
      if (MOMENTUM) {
        v = velocity[i];
      }
      var next = update(theta, v, g, i, s.layer);
      if (frozen || masks) {
        next.is_alive = next.was_alive;
      }
      if (!frozen) {
        latent[i] = next.theta;
        if (MOMENTUM) {
          velocity[i] = next.v;
        }
        if (STORES_WEIGHT) {
          weight[i] = next.w;
        }
        // Where theta is not finite, neither is w.
        exponent = max(exponent, bitcast<vec4<u32>>(next.w) & vec4(0x7f800000u));
      }
      let valid = vec4(at * 4u) + vec4(0u, 1u, 2u, 3u) < vec4(s.count);
      nonzero += count(next.is_alive & valid);
      pruned += count(next.was_alive & !next.is_alive & valid);
      regrown += count(!next.was_alive & next.is_alive & valid);
    }
  }
  // Integers: the order of these atomics cannot change the result.
  atomicAdd(&tally[0], nonzero);
  atomicAdd(&tally[1], pruned);
  atomicAdd(&tally[2], regrown);
  atomicMax(&tally[3], select(0u, ~hyper.step, any(exponent == vec4(0x7f800000u))));
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
