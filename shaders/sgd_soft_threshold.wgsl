// The fused update: SGD with momentum, weight decay and a soft threshold in one pass over the parameter arena, which also
// counts what is non-zero, newly pruned and regrown, and notes the step that first wrote a NaN or an infinity. A workgroup handles one segment of 1024 elements, which belongs to
// one layer; 64 invocations take four vec4 each. With theta the stored weight, w what the forward pass reads, g dLoss/dw:
//   latent:   theta' = theta - lr v',  w' = S(theta', d_next)
//   inplace:  w' = S(w - lr v', tau)
//   fista:    x' = S(w - lr u, tau),  w' = x' + momentum (x' - x).  `latent` holds x.
//   str:      as latent, with a threshold a layer, and g = 0 where w = 0
//   ltp:      theta' = theta - lr v',  w' = theta' gate(theta'),  g times the gate
//   plain:    w' = w - lr v'
// In phase MASK all of them do the last, and leave zeros alone.
//!include "lib/index.wgsl"
//!include "lib/segment.wgsl"
//!include "lib/effective_weight.wgsl"
const MODE: u32 = 0u;                    //!spec   0 latent, 1 inplace, 2 plain, 3 fista, 4 str, 5 ltp
const MOMENTUM: bool = true;             //!spec   false: no momentum buffer (a dummy is bound)
const NESTEROV: bool = false;            //!spec
const DECAY_EFFECTIVE: bool = false;     //!spec   weight decay acts on w; false: on theta (inplace: on w + sign(w) d)
const STORES_WEIGHT: bool = true;        //!spec   false: `weight` is a dummy, the forward pass reads `latent`
const SMALLEST: f32 = 0x1p-126f;         // a live weight that lands on zero gets this, so that zeros are the mask

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

var<workgroup> tally: array<atomic<u32>, 4>;

// How much of dLoss/dw reaches the stored weight: LATENT takes all of it, straight through.
fn passed(g: vec4<f32>, stored: vec4<f32>, t: vec2<f32>) -> vec4<f32> {
  if (MODE == STR) {
    return select(vec4(0.0), g, abs(stored) > vec4(t.x));
  }
  if (MODE == LTP) {
    return g * gate(stored, t);
  }
  return g;
}

fn keep_mask(w: vec4<f32>, was: vec4<bool>) -> vec4<f32> {
  return select(vec4(0.0), select(w, vec4(SMALLEST), abs(w) < vec4(SMALLEST)), was);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let index = flat_group(group, groups);
  let active_group = index < params.segments;
  let s = segment[min(index, params.segments - 1u)];
  let frozen = guard[0] != 0xffffffffu;
  let masked = hyper.phase == MASK;
  let prunes = hyper.phase == PRUNE;
  var now = vec2(hyper.threshold_now, 0.0);
  var next = vec2(hyper.threshold_next, 0.0);
  if (MODE == STR || MODE == LTP) {
    now = hyper.layers[s.layer].now;
    next = hyper.layers[s.layer].next;
  }
  var nonzero = 0u;
  var pruned = 0u;
  var regrown = 0u;
  var exponent = vec4(0u);                 // the largest of what is written: that of NaN and infinity has all bits
  if (active_group) {
    for (var k = 0u; k < 4u; k++) {
      let at = k * 64u + lane;               // vec4 within the segment
      if (at * 4u >= s.count) {
        break;
      }
      let i = index * 256u + at;
      let theta = latent[i];
      var from_here = theta;
      if (MODE == FISTA) {
        from_here = weight[i];
      }
      var w = from_here;
      var g = gradient[i];
      var was = theta != vec4(0.0);
      if (prunes) {
        w = effective(from_here, now);
        g = passed(g, theta, now);
        was = alive(theta, now);
      }
      if (masked) {
        g = select(vec4(0.0), g, was);
      }
      var decayed = from_here;
      if (MODE == LATENT && DECAY_EFFECTIVE) {
        decayed = w;
      }
      if (MODE == INPLACE && !DECAY_EFFECTIVE && prunes) {
        decayed = w + sign(w) * hyper.threshold_now;
      }
      let u = g + hyper.weight_decay * decayed;
      var step = u;
      if (MOMENTUM) {
        let v = hyper.momentum * velocity[i] + hyper.gradient_scale * u;
        if (!frozen) {
          velocity[i] = v;
        }
        step = select(v, u + hyper.momentum * v, NESTEROV);
      }
      var moved = from_here - hyper.lr * step;
      var w_next = moved;
      var is = moved != vec4(0.0);
      if (prunes) {
        if (MODE == INPLACE || MODE == FISTA) {
          moved = soft(moved, hyper.tau);
        }
        w_next = effective(moved, next);
        is = alive(moved, next);
      }
      if (masked) {
        moved = keep_mask(moved, was);
        w_next = moved;
        is = was;
      }
      if (MODE == FISTA) {
        w_next = moved + hyper.momentum * (moved - theta);
        if (masked) {
          w_next = keep_mask(w_next, was);
        }
      }
      if (frozen) {
        is = was;
      } else {
        latent[i] = moved;
        if (STORES_WEIGHT) {
          weight[i] = w_next;
        }
        // Where `moved` is not finite, neither is this.
        exponent = max(exponent, bitcast<vec4<u32>>(w_next) & vec4(0x7f800000u));
      }
      let valid = vec4(at * 4u) + vec4(0u, 1u, 2u, 3u) < vec4(s.count);
      nonzero += dot(select(vec4(0u), vec4(1u), is & valid), vec4(1u));
      pruned += dot(select(vec4(0u), vec4(1u), was & !is & valid), vec4(1u));
      regrown += dot(select(vec4(0u), vec4(1u), !was & is & valid), vec4(1u));
    }
  }
  // Integers: the order of these atomics cannot change the result.
  atomicAdd(&tally[0], nonzero);
  atomicAdd(&tally[1], pruned);
  atomicAdd(&tally[2], regrown);
  atomicMax(&tally[3], select(0u, ~hyper.step, any(exponent == vec4(0x7f800000u))));
  workgroupBarrier();
  if (lane < 4u && active_group) {
    let n = atomicLoad(&tally[lane]);
    let place = lane * params.layers + s.layer;
    if (n > 0u && lane < 3u) {
      atomicAdd(&counts[place], n);
    } else if (n > 0u) {
      atomicMax(&counts[place], n);          // the largest ~step is the first step
    }
  }
}
