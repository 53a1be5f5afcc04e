// Softmax or log-softmax along one axis; one workgroup per row, rows being [outer, inner] of x [outer, length, inner].
//!include "lib/index.wgsl"
//!include "lib/reduce.wgsl"
const LOG: bool = false;                 //!spec
struct Params { rows: u32, length: u32, inner: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> maxima: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups);
  let row = min(flat, params.rows - 1u);
  let base = (row / params.inner) * params.length * params.inner + row % params.inner;
  var top = x[base];
  for (var k = lane; k < params.length; k += 64u) {
    top = max(top, x[base + k * params.inner]);
  }
  maxima[lane] = top;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half >>= 1u) {
    if (lane < half) {
      maxima[lane] = max(maxima[lane], maxima[lane + half]);
    }
    workgroupBarrier();
  }
  top = maxima[0];
  var partial = 0.0;
  for (var k = lane; k < params.length; k += 64u) {
    partial += exp(x[base + k * params.inner] - top);
  }
  let total = workgroup_sum(partial, lane);
  if (flat < params.rows) {
    for (var k = lane; k < params.length; k += 64u) {
      let at = base + k * params.inner;
      let shifted = x[at] - top;
      if (LOG) {
        y[at] = shifted - log(total);
      } else {
        y[at] = exp(shifted) / total;
      }
    }
  }
}
