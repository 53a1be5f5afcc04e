// The bandwidth gauge: y = x in vec4s, ITEMS_PER_INVOCATION per invocation. Neighbouring lanes copy neighbouring vec4s.
//!include "lib/index.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;    //!spec   vec4s of an invocation
const WG: u32 = 256u;
struct Params { n: u32 }                 // vec4s
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let start = flat_group(group, groups) * WG * ITEMS_PER_INVOCATION + lane;
  for (var i = 0u; i < ITEMS_PER_INVOCATION; i++) {       //!unroll
    if (start + i * WG < params.n) {
      y[start + i * WG] = x[start + i * WG];
    }
  }
}
