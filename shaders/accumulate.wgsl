// target += x, four elements per invocation.
//!include "lib/index.wgsl"
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> target_: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

const PER_THREAD: u32 = 4u;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let first = (flat_group(group, groups) * 64u + lane) * PER_THREAD;
  let last = min(first + PER_THREAD, params.n);
  for (var i = first; i < last; i++) {
    target_[i] += x[i];
  }
}
