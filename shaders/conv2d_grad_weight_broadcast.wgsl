// The weight gradient of conv2d_grad_weight.wgsl for adapters where a load costs as much as many multiplications. A
// subgroup is a team of lib/conv2d_grad_weight_patch.wgsl: what one lane loads, all use.
//!include "lib/index.wgsl"
//!include "lib/share_subgroup.wgsl"
//!include "lib/conv2d_window.wgsl"
//!include "lib/conv2d_grad_weight_patch.wgsl"
const S: u32 = 8u;           //!spec   lanes of a subgroup, and of a workgroup

//!include "lib/grad_weight_params.wgsl"
@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read> dy: array<Grads>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;    // [slices, O, C / groups, kh, kw]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(S)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(subgroup_invocation_id) lane: u32) {
  weight_gradient_patch(flat_group(group, groups), lane);
}
