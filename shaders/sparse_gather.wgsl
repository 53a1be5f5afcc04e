// The weights of live blocks, from the dense weight: for training with a frozen mask.
//!include "lib/index.wgsl"
const R: u32 = 8u;             //!spec   outputs of a block
struct Params {
  n: u32,                    // numbers: live blocks times R
  row: u32,                  // numbers of an output in w
}
@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(1) var<storage, read> sources: array<vec2<u32>>;     // of each live block: its first number in w, its outputs
@group(0) @binding(2) var<storage, read_write> weights: array<f32>;     // [live, R]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = flat_group(group, groups) * 64u + lane;
  if (i >= params.n) {
    return;
  }
  let source = sources[i / R];
  let r = i % R;
  weights[i] = select(0.0, w[source.x + r * params.row], r < source.y);
}
