// Weights out of stored weights, outside the step: the learned gates as the forward pass reads them, the hard masks of
// evaluation, and the bake that ends pruning.
//!include "lib/index.wgsl"
//!include "lib/segment.wgsl"
//!include "lib/effective_weight.wgsl"
const MODE: u32 = 5u;                    //!spec   as in sgd_soft_threshold.wgsl
const STORES_WEIGHT: bool = true;        //!spec
const MOMENTUM: bool = true;             //!spec
// task 0: w as in training.  1: w where it counts as there, else 0.  2: w becomes the stored weight, momentum of zeros ends.
struct Params { segments: u32, task: u32 }
@group(0) @binding(0) var<storage, read_write> latent: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> velocity: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> segment: array<Segment>;
@group(0) @binding(4) var<storage, read> hyper: Hyper;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let index = flat_group(group, groups);
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
    let theta = latent[i];
    if (params.task == 2u) {
      var w = theta;
      if (STORES_WEIGHT) {
        if (MODE == FISTA) {
          weight[i] = theta;
        } else {
          w = weight[i];
          latent[i] = w;
        }
      }
      if (MOMENTUM) {
        velocity[i] = select(velocity[i], vec4(0.0), w == vec4(0.0));
      }
    } else if (STORES_WEIGHT) {
      if (hyper.phase == PRUNE) {
        let hard = select(vec4(0.0), theta, alive(theta, t));
        weight[i] = select(effective(theta, t), hard, (MODE == LTP) && params.task == 1u);
      } else {
        weight[i] = theta;
      }
    }
  }
}
