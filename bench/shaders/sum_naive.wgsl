// y[b, d] = Σ over a and c of x[a, b, c, d], one invocation per result.
//!include "lib/index.wgsl"
struct Params { size: vec4<u32> }        // a, b, c, d
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = flat_group(group, groups) * 64u + lane;
  let size = params.size;
  if (i >= size.y * size.w) {
    return;
  }
  var total = 0.0;
  for (var a = 0u; a < size.x; a++) {
    // Blocks of 256 terms: one long running sum would lose digits.
    for (var first = 0u; first < size.z; first += 256u) {
      var block = 0.0;
      for (var c = first; c < min(first + 256u, size.z); c++) {
        block += x[((a * size.y + i / size.w) * size.z + c) * size.w + i % size.w];
      }
      total += block;
    }
  }
  y[i] = total;
}
