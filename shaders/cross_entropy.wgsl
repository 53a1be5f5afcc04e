// Cross entropy of rows: log-softmax and pick fused, with label smoothing. Saves the probabilities, in f32: close to 1, f16 has
// no digits left for the gradient. LANES invocations share a row. A target outside [0, classes) gives NaN.
//!include "lib/index.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/rows.wgsl"
struct Params { rows: u32, classes: u32, smoothing: f32, nan: u32 }     // nan: its bits; WGSL has no such literal
@group(0) @binding(0) var<storage, read> logits: array<Act>;            // [rows, classes]
@group(0) @binding(1) var<storage, read> labels: array<i32>;            // [rows]
@group(0) @binding(2) var<storage, read_write> probability: array<f32>; // [rows, classes]
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;      // [rows]
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let flat = row_of(flat_group(group, groups), lane);
  let row = min(flat, p.rows - 1u);
  let base = row * p.classes;
  let own = own_first(lane);
  var top = f32(logits[base]);
  for (var c = own; c < p.classes; c += LANES * TURNS) {
    var v: array<f32, TURNS>;
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      v[t] = f32(logits[base + c + t * LANES]);
    }
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      top = select(top, max(top, v[t]), (t == 0u) | (c + t * LANES < p.classes));
    }
  }
  top = row_max(top, lane);
  var total = 0.0;
  var shifted_total = 0.0;
  for (var c = own; c < p.classes; c += LANES * TURNS) {
    var v: array<f32, TURNS>;
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      v[t] = f32(logits[base + c + t * LANES]);
    }
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      let inside = (t == 0u) | (c + t * LANES < p.classes);
      total += select(0.0, exp_of(v[t] - top), inside);
      shifted_total += select(0.0, v[t] - top, inside);
    }
  }
  total = row_sum(total, lane);
  shifted_total = row_sum(shifted_total, lane);
  if (flat >= p.rows) {
    return;
  }
  for (var c = own; c < p.classes; c += LANES * TURNS) {
    var v: array<f32, TURNS>;
    var j: array<u32, TURNS>;
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      j[t] = base + select(c, c + t * LANES, (t == 0u) | (c + t * LANES < p.classes));
      v[t] = f32(logits[j[t]]);
    }
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      probability[j[t]] = exp(v[t] - top) / total;
    }
  }
  if (lane < ROWS) {
    let label = labels[row];
    let legal = label >= 0 && u32(label) < p.classes;
    let log_total = log_of(total);
    let gap = log_total + (top - f32(logits[base + select(0u, u32(label), legal)]));
    var loss = (1.0 - p.smoothing) * gap;
    // Apart, because a logit of minus infinity makes the mean infinite: 0 times that would be NaN.
    if (p.smoothing > 0.0) {
      loss -= p.smoothing * (shifted_total / f32(p.classes) - log_total);
    }
    losses[row] = select(bitcast<f32>(p.nan), loss, legal);
  }
}
