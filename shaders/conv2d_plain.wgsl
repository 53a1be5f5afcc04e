// conv2d_broadcast without subgroups: an invocation is a team of one and loads its weights and pixels alone.
//!include "lib/index.wgsl"
//!include "lib/share_none.wgsl"
//!include "lib/conv2d_window.wgsl"
//!include "lib/conv2d_patch.wgsl"
const S: u32 = 1u;           //!spec   lanes of a team

//!include "lib/correlation_params.wgsl"
@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;           // [O]; anything when has_bias is 0
@group(0) @binding(3) var<storage, read_write> y: array<Act>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) index: u32) {
  correlate_patch(flat_group(group, groups) * 64u + index, 0u);
}
