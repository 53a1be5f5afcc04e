// The gradient of a dense weight from that of its live blocks: sums of the slices, in order. The rest of it is zero before.
//!include "lib/index.wgsl"
const R: u32 = 8u;             //!spec   outputs of a block
struct Params {
  n: u32,                    // numbers: live blocks times R
  row: u32,                  // numbers of an output in dw
  slices: u32,
}
@group(0) @binding(0) var<storage, read> parts: array<f32>;             // [slices, live, R]
@group(0) @binding(1) var<storage, read> sources: array<vec2<u32>>;     // of each live block: its first number in dw, its outputs
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = flat_group(group, groups) * 64u + lane;
  let source = sources[min(i, params.n - 1u) / R];
  let r = i % R;
  if (i >= params.n || r >= source.y) {
    return;
  }
  var sum = 0.0;
  for (var s = 0u; s < params.slices; s++) {
    sum += parts[s * params.n + i];
  }
  dw[source.x + r * params.row] = sum;
}
