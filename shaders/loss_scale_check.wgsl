// Checks the gradients of a scaled loss: a NaN or an infinity sets the overflow of the step in `guard`, which holds
//   [0] first step whose loss was not finite, or 0xffffffff   [1] overflow of this step: 1, or 0   [2] bits of 1 / scale
//   [3] overflow of the step before
// A workgroup checks 1024 elements; the exponent bits are tested, since compilers may assume that floats are never NaN.
//!include "lib/index.wgsl"
struct Params { n: u32 }                 // vec4
@group(0) @binding(0) var<storage, read> gradient: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> scale: array<u32>;                   // [4]: see loss_scale_step.wgsl
@group(0) @binding(2) var<storage, read_write> guard: array<atomic<u32>>;     // [4]
@group(0) @binding(3) var<uniform> params: Params;

const EXPONENT = vec4(0x7f800000u);

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let index = flat_group(group, groups);
  let first = index * 256u + lane;
  let last = params.n - 1u;
  // The four loads are issued before the first is used.
  let a = gradient[min(first, last)];
  let b = gradient[min(first + 64u, last)];
  let c = gradient[min(first + 128u, last)];
  let d = gradient[min(first + 192u, last)];
  let largest = max(max(a & EXPONENT, b & EXPONENT), max(c & EXPONENT, d & EXPONENT));
  if (any(largest == EXPONENT)) {
    atomicStore(&guard[1], 1u);
  }
  if (index == 0u && lane == 0u) {
    atomicStore(&guard[2], scale[1]);
  }
}
