// Gradient from the output y. Softmax: dx = y (dy - Σ dy y). Log-softmax: dx = dy - e^y Σ dy.
//!include "lib/index.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/reduce_lanes.wgsl"
const LOG: bool = false;                 //!spec
const LANES: u32 = 64u;                  //!spec   1, 8 or 64
const ROWS: u32 = 64u / LANES;           // of one workgroup
struct Params { rows: u32, length: u32, inner: u32 }
@group(0) @binding(0) var<storage, read> y: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups) * ROWS + lane % ROWS;
  let row = min(flat, params.rows - 1u);
  let base = (row / params.inner) * params.length * params.inner + row % params.inner;
  var total = 0.0;
  for (var k = lane / ROWS; k < params.length; k += LANES) {
    let at = base + k * params.inner;
    if (LOG) {
      total += dy[at];
    } else {
      total += dy[at] * y[at];
    }
  }
  if (LANES > 1u) {
    total = lanes_sum(total, lane, ROWS);
  }
  if (flat < params.rows) {
    for (var k = lane / ROWS; k < params.length; k += LANES) {
      let at = base + k * params.inner;
      if (LOG) {
        dx[at] = dy[at] - exp_of(y[at]) * total;
      } else {
        dx[at] = y[at] * (dy[at] - total);
      }
    }
  }
}
