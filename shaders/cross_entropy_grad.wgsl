// dlogits = dy · (p - target distribution) · scale, for mean (scale 1/rows), sum (1) or per-row upstream gradients.
//!include "lib/index.wgsl"
const PER_ROW: bool = false;             //!spec   dy has one value per row
struct Params { rows: u32, classes: u32, smoothing: f32, scale: f32 }
@group(0) @binding(0) var<storage, read> probability: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dlogits: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let start = flat_group(group, groups) * 256u + lane;
  for (var k = 0u; k < 4u; k++) {
    let i = start + k * 64u;
    if (i < params.rows * params.classes) {
      let row = i / params.classes;
      let c = i32(i % params.classes);
      let goal = params.smoothing / f32(params.classes) + select(0.0, 1.0 - params.smoothing, labels[row] == c);
      let upstream = dy[select(0u, row, PER_ROW)];
      dlogits[i] = upstream * params.scale * (probability[i] - goal);
    }
  }
}
