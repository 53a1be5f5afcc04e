// The correlation of conv2d.wgsl for adapters where a load costs as much as many multiplications (software ones). A subgroup
// is a team of lib/conv2d_patch.wgsl: what one lane loads, all use.
//!include "lib/index.wgsl"
//!include "lib/share_subgroup.wgsl"
//!include "lib/conv2d_window.wgsl"
//!include "lib/conv2d_patch.wgsl"
const S: u32 = 8u;           //!spec   lanes of a subgroup

//!include "lib/correlation_params.wgsl"
@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;           // [O]; anything when has_bias is 0
@group(0) @binding(3) var<storage, read_write> y: array<Act>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) index: u32, @builtin(subgroup_invocation_id) lane: u32) {
  correlate_patch(flat_group(group, groups) * (64u / S) + index / S, lane);
}
