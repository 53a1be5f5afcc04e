// dx = dy where |x| > d, else 0.
//!include "lib/index.wgsl"
//!include "lib/nonfinite.wgsl"
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> d: array<f32>;           // [1]
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let threshold = d[0];
  let start = flat_group(group, groups) * 256u + lane;
  for (var k = 0u; k < 4u; k++) {
    let i = start + k * 64u;
    if (i < params.n) {
      dx[i] = select(0.0, dy[i], abs(x[i]) > threshold || is_nan(x[i]) || is_nan(threshold));
    }
  }
}
