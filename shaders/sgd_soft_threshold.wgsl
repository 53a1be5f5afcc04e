// The fused update: SGD with momentum, weight decay and soft threshold in one pass over the parameter arena, which also
// counts what is non-zero, newly pruned and regrown. A workgroup handles one segment of 1024 elements, which belongs to
// one layer; 64 invocations take four vec4 each.
//   latent:   theta' = theta - lr v',  w' = S(theta', d_next).  The forward pass reads w.
//   inplace:  w' = S(w - lr v', tau).  `latent` holds w itself; tau = d_next - d_now comes rounded once, from float64.
//   plain:    w' = w - lr v'.
//!include "lib/index.wgsl"
const MODE: u32 = 0u;                    //!spec   0 latent, 1 inplace, 2 plain
const MOMENTUM: bool = true;             //!spec   false: no momentum buffer (a dummy is bound)
const NESTEROV: bool = false;            //!spec
const DECAY_EFFECTIVE: bool = false;     //!spec   weight decay acts on w; false: on theta (inplace: on w + sign(w) d)
const STORES_WEIGHT: bool = true;        //!spec   false: `weight` is a dummy, the forward pass reads `latent`

struct Hyper {
  lr: f32,
  threshold_now: f32,
  threshold_next: f32,
  tau: f32,
  gradient_scale: f32,       // 1 - dampening; 1 on the first step
  momentum: f32,
  weight_decay: f32,
  unused: f32,
}
struct Segment { layer: u32, count: u32 }       // count: elements that are not padding
struct Params { segments: u32, layers: u32 }
@group(0) @binding(0) var<storage, read> gradient: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> velocity: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> latent: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> weight: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> segment: array<Segment>;
@group(0) @binding(5) var<storage, read_write> counts: array<atomic<u32>>;   // [3, layers]: non-zero, pruned, regrown
@group(0) @binding(6) var<storage, read> hyper: Hyper;
@group(0) @binding(7) var<storage, read> guard: array<u32>;                  // [1] set: a loss was not finite, change nothing
@group(0) @binding(8) var<uniform> params: Params;

var<workgroup> tally: array<atomic<u32>, 3>;

fn soft(x: vec4<f32>, d: f32) -> vec4<f32> {
  return x - clamp(x, vec4(-d), vec4(d));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let index = flat_group(group, groups);
  let active_group = index < params.segments;
  let s = segment[min(index, params.segments - 1u)];
  let frozen = guard[0] != 0xffffffffu;
  var nonzero = 0u;
  var pruned = 0u;
  var regrown = 0u;
  if (active_group) {
    for (var k = 0u; k < 4u; k++) {
      let at = k * 64u + lane;               // vec4 within the segment
      if (at * 4u >= s.count) {
        break;
      }
      let i = index * 256u + at;
      let theta = latent[i];
      var w = theta;
      if (MODE == 0u) {
        w = soft(theta, hyper.threshold_now);
      }
      var decayed = theta;
      if (MODE == 0u && DECAY_EFFECTIVE) {
        decayed = w;
      }
      if (MODE == 1u && !DECAY_EFFECTIVE) {
        decayed = w + sign(w) * hyper.threshold_now;
      }
      let u = gradient[i] + hyper.weight_decay * decayed;
      var step = u;
      if (MOMENTUM) {
        let v = hyper.momentum * velocity[i] + hyper.gradient_scale * u;
        if (!frozen) {
          velocity[i] = v;
        }
        step = select(v, u + hyper.momentum * v, NESTEROV);
      }
      var moved = theta - hyper.lr * step;
      var w_next = moved;
      if (MODE == 0u) {
        w_next = soft(moved, hyper.threshold_next);
      }
      if (MODE == 1u) {
        w_next = soft(moved, hyper.tau);
        moved = w_next;
      }
      if (frozen) {
        w_next = w;
      } else {
        latent[i] = moved;
        if (STORES_WEIGHT) {
          weight[i] = w_next;
        }
      }
      let valid = vec4(at * 4u) + vec4(0u, 1u, 2u, 3u) < vec4(s.count);
      let was = (w != vec4(0.0)) & valid;
      let now = (w_next != vec4(0.0)) & valid;
      nonzero += dot(select(vec4(0u), vec4(1u), now), vec4(1u));
      pruned += dot(select(vec4(0u), vec4(1u), was & !now), vec4(1u));
      regrown += dot(select(vec4(0u), vec4(1u), !was & now & valid), vec4(1u));
    }
  }
  // Integers: the order of these atomics cannot change the result.
  atomicAdd(&tally[0], nonzero);
  atomicAdd(&tally[1], pruned);
  atomicAdd(&tally[2], regrown);
  workgroupBarrier();
  if (lane < 3u && active_group) {
    let n = atomicLoad(&tally[lane]);
    if (n > 0u) {
      atomicAdd(&counts[lane * params.layers + s.layer], n);
    }
  }
}
