// From the output y. Softmax: dx = y (dy - Σ dy y). Log-softmax: dx = dy - e^y Σ dy.
//!include "lib/index.wgsl"
//!include "lib/reduce.wgsl"
const LOG: bool = false;                 //!spec
struct Params { rows: u32, length: u32, inner: u32 }
@group(0) @binding(0) var<storage, read> y: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups);
  let row = min(flat, params.rows - 1u);
  let base = (row / params.inner) * params.length * params.inner + row % params.inner;
  var partial = 0.0;
  for (var k = lane; k < params.length; k += 64u) {
    let at = base + k * params.inner;
    partial += select(dy[at] * y[at], dy[at], LOG);
  }
  let total = workgroup_sum(partial, lane);
  if (flat < params.rows) {
    for (var k = lane; k < params.length; k += 64u) {
      let at = base + k * params.inner;
      if (LOG) {
        dx[at] = dy[at] - exp(y[at]) * total;
      } else {
        dx[at] = y[at] * (dy[at] - total);
      }
    }
  }
}
