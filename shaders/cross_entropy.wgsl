// Cross entropy of rows: log-softmax and pick fused, with label smoothing. Saves the probabilities. LANES invocations share
// a row. A target outside [0, classes) gives NaN.
//!include "lib/index.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/reduce_lanes.wgsl"
const LANES: u32 = 64u;                  //!spec   1, 8 or 64
const ROWS: u32 = 64u / LANES;           // of one workgroup
struct Params { rows: u32, classes: u32, smoothing: f32, nan: u32 }     // nan: its bits; WGSL has no such literal
@group(0) @binding(0) var<storage, read> logits: array<f32>;            // [rows, classes]
@group(0) @binding(1) var<storage, read> labels: array<i32>;            // [rows]
@group(0) @binding(2) var<storage, read_write> probability: array<f32>; // [rows, classes]
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;      // [rows]
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups) * ROWS + lane % ROWS;
  let row = min(flat, params.rows - 1u);
  let base = row * params.classes;
  var top = logits[base];
  for (var c = lane / ROWS; c < params.classes; c += LANES) {
    top = max(top, logits[base + c]);
  }
  if (LANES > 1u) {
    top = lanes_max(top, lane, ROWS);
  }
  var total = 0.0;
  var shifted_total = 0.0;
  for (var c = lane / ROWS; c < params.classes; c += LANES) {
    let shifted = logits[base + c] - top;
    total += exp_of(shifted);
    shifted_total += shifted;
  }
  if (LANES > 1u) {
    total = lanes_sum(total, lane, ROWS);
    shifted_total = lanes_sum(shifted_total, lane, ROWS);
  }
  if (flat < params.rows) {
    for (var c = lane / ROWS; c < params.classes; c += LANES) {
      probability[base + c] = exp(logits[base + c] - top) / total;
    }
    if (lane < ROWS) {
      let label = labels[row];
      let legal = label >= 0 && u32(label) < params.classes;
      let log_total = log_of(total);
      let gap = log_total + (top - logits[base + select(0u, u32(label), legal)]);
      var loss = (1.0 - params.smoothing) * gap;
      // Apart, because a logit of minus infinity makes the mean infinite: 0 times that would be NaN.
      if (params.smoothing > 0.0) {
        loss -= params.smoothing * (shifted_total / f32(params.classes) - log_total);
      }
      losses[row] = select(bitcast<f32>(params.nan), loss, legal);
    }
  }
}
