// The weights of live blocks, from the dense weight: for training with a frozen mask, and for batch norm in the product (SCALED).
//!include "lib/index.wgsl"
const R: u32 = 8u;             //!spec   outputs of a block
const SCALED: bool = false;    //!spec   each output is scaled
struct Params {
  n: u32,                    // numbers: live blocks times R
  row: u32,                  // numbers of an output in w
  first: u32,                // place of output 0 in `scales`
}
@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(1) var<storage, read> sources: array<vec2<u32>>;     // of each live block: its first number in w, its outputs
@group(0) @binding(2) var<storage, read_write> weights: array<f32>;     // [live, R]
@group(0) @binding(3) var<storage, read> scales: array<f32>;            // anything unless SCALED
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = flat_group(group, groups) * 64u + lane;
  if (i >= params.n) {
    return;
  }
  let source = sources[i / R];
  let r = i % R;
  var v = select(0.0, w[source.x + r * params.row], r < source.y);
  if (SCALED) {
    v *= scales[params.first + source.x / params.row + min(r, source.y - 1u)];
  }
  weights[i] = v;
}
