// Cross entropy of one row per workgroup: log-softmax and pick fused, with label smoothing. Saves the probabilities.
// A target outside [0, classes) gives NaN.
//!include "lib/index.wgsl"
//!include "lib/reduce.wgsl"
struct Params { rows: u32, classes: u32, smoothing: f32 }
@group(0) @binding(0) var<storage, read> logits: array<f32>;            // [rows, classes]
@group(0) @binding(1) var<storage, read> labels: array<i32>;            // [rows]
@group(0) @binding(2) var<storage, read_write> probability: array<f32>; // [rows, classes]
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;      // [rows]
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> maxima: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups);
  let row = min(flat, params.rows - 1u);
  let base = row * params.classes;
  var top = logits[base];
  for (var c = lane; c < params.classes; c += 64u) {
    top = max(top, logits[base + c]);
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
  var sum_exp = 0.0;
  var sum_shifted = 0.0;
  for (var c = lane; c < params.classes; c += 64u) {
    let shifted = logits[base + c] - top;
    sum_exp += exp(shifted);
    sum_shifted += shifted;
  }
  let total = workgroup_sum(sum_exp, lane);
  let shifted_total = workgroup_sum(sum_shifted, lane);
  let log_total = log(total);
  if (flat < params.rows) {
    for (var c = lane; c < params.classes; c += 64u) {
      probability[base + c] = exp(logits[base + c] - top) / total;
    }
    if (lane == 0u) {
      let label = labels[row];
      let legal = label >= 0 && u32(label) < params.classes;
      let at = base + select(0u, u32(label), legal);
      let picked = logits[at] - top - log_total;
      let mean_log = shifted_total / f32(params.classes) - log_total;
      let loss = -(1.0 - params.smoothing) * picked - params.smoothing * mean_log;
      losses[row] = select(bitcast<f32>(0x7fc00000u | (params.rows & 0u)), loss, legal);
    }
  }
}
