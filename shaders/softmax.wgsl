// Softmax or log-softmax along one axis; rows are [outer, inner] of x [outer, length, inner]. LANES invocations share a row.
//!include "lib/index.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/reduce_lanes.wgsl"
const LOG: bool = false;                 //!spec
const LANES: u32 = 64u;                  //!spec   1, 8 or 64
const ROWS: u32 = 64u / LANES;           // of one workgroup
struct Params { rows: u32, length: u32, inner: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups) * ROWS + lane % ROWS;
  let row = min(flat, params.rows - 1u);
  let base = (row / params.inner) * params.length * params.inner + row % params.inner;
  var top = x[base];
  for (var k = lane / ROWS; k < params.length; k += LANES) {
    top = max(top, x[base + k * params.inner]);
  }
  if (LANES > 1u) {
    top = lanes_max(top, lane, ROWS);
  }
  var total = 0.0;
  for (var k = lane / ROWS; k < params.length; k += LANES) {
    total += exp_of(x[base + k * params.inner] - top);
  }
  if (LANES > 1u) {
    total = lanes_sum(total, lane, ROWS);
  }
  if (flat < params.rows) {
    let log_total = log_of(total);
    for (var k = lane / ROWS; k < params.length; k += LANES) {
      let at = base + k * params.inner;
      let shifted = x[at] - top;
      if (LOG) {
        y[at] = shifted - log_total;
      } else {
        y[at] = exp(shifted) / total;
      }
    }
  }
}
