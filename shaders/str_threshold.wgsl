// w = sign(x) max(|x| - sigmoid(s), 0): soft threshold by a learned amount.
//!include "lib/index.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/pointwise.wgsl"
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> s: array<f32>;                 // [1]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let d = sigmoid(s[0]);
  let start = flat_group(group, groups) * 256u + lane;
  for (var k = 0u; k < 4u; k++) {
    let i = start + k * 64u;
    if (i < params.n) {
      y[i] = x[i] - carried(clamp(x[i], -d, d), d);
    }
  }
}
