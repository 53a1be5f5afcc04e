// Computes weights from stored weights outside the step: learned thresholds as the forward pass reads them, the hard masks of
// evaluation, and the bake that ends pruning.
//!include "lib/index.wgsl"
//!include "lib/segment.wgsl"
//!include "lib/soft_threshold.wgsl"
//!include "lib/ltp_gate.wgsl"
const LTP: bool = true;                  //!spec   false: the soft threshold of STR
const FISTA: bool = false;               //!spec   true: `latent` holds the iterate, which is the weight to bake
const STORES_WEIGHT: bool = true;        //!spec   as in lib/update_segment.wgsl
const MOMENTUM: bool = true;             //!spec
// hard 1: LTP's weights by the hard rule. bake 1: the weight becomes the stored one, momentum of zeros ends.
struct Params { segments: u32, hard: u32, bake: u32 }
@group(0) @binding(0) var<storage, read_write> latent: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> velocity: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> segment: array<Segment>;
@group(0) @binding(4) var<storage, read> hyper: Hyper;
@group(0) @binding(5) var<uniform> params: Params;

fn effective(theta: vec4<f32>, t: vec2<f32>) -> vec4<f32> {
  if (!LTP) {
    return S(theta, t.x);
  }
  return select(theta * gate(theta, t), select(vec4(0.0), theta, survives(theta, t)), params.hard == 1u);
}

fn bake(i: u32) {
  var w = latent[i];
  if (FISTA) {
    weight[i] = w;
  } else if (STORES_WEIGHT) {
    w = weight[i];
    latent[i] = w;
  }
  if (MOMENTUM) {
    velocity[i] = select(velocity[i], vec4(0.0), w == vec4(0.0));
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let index = flat_group(group, groups);
  prunes = hyper.phase == PRUNE;
  if (index >= params.segments) {
    return;
  }
  let s = segment[index];
  let t = hyper.layers[s.layer].next;
  for (var k = 0u; k < 4u; k++) {
    let at = k * 64u + lane;
    if (at * 4u >= s.count) {
      break;
    }
    let i = index * 256u + at;
    if (params.bake == 1u) {
      bake(i);
    } else if (STORES_WEIGHT) {
      weight[i] = effective(latent[i], t);
    }
  }
}
