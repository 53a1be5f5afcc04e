// Softmax or log-softmax along one axis; rows are [outer, inner] of x [outer, length, inner]. LANES invocations share a row.
//!include "lib/index.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/rows.wgsl"
const LOG: bool = false;                 //!spec
struct Params { rows: u32, length: u32, inner: u32 }
@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read_write> y: array<Act>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let flat = row_of(flat_group(group, groups), lane);
  let row = min(flat, p.rows - 1u);
  let base = (row / p.inner) * p.length * p.inner + row % p.inner;
  let own = own_first(lane);
  let first = base + own * p.inner;
  let hop = LANES * p.inner;
  var top = f32(x[base]);
  var at = first;
  for (var k = own; k < p.length; k += LANES * TURNS) {
    var v: array<f32, TURNS>;
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      v[t] = f32(x[at]);
      at += hop;
    }
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      top = select(top, max(top, v[t]), (t == 0u) | (k + t * LANES < p.length));
    }
  }
  top = row_max(top, lane);
  var total = 0.0;
  at = first;
  for (var k = own; k < p.length; k += LANES * TURNS) {
    var v: array<f32, TURNS>;
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      v[t] = f32(x[at]);
      at += hop;
    }
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      total += select(0.0, exp_of(v[t] - top), (t == 0u) | (k + t * LANES < p.length));
    }
  }
  total = row_sum(total, lane);
  if (flat >= p.rows) {
    return;
  }
  let log_total = log_of(total);
  at = first;
  for (var k = own; k < p.length; k += LANES * TURNS) {
    var v: array<f32, TURNS>;
    var j: array<u32, TURNS>;
    let home = at;
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      j[t] = select(home, at, (t == 0u) | (k + t * LANES < p.length));
      at += hop;
      v[t] = f32(x[j[t]]);
    }
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      let shifted = v[t] - top;
      if (LOG) {
        y[j[t]] = Act(shifted - log_total);
      } else {
        y[j[t]] = Act(exp(shifted) / total);
      }
    }
  }
}
