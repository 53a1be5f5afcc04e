// Gradient from the output y. Softmax: dx = y (dy - Σ dy y). Log-softmax: dx = dy - e^y Σ dy.
//!include "lib/index.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/rows.wgsl"
const LOG: bool = false;                 //!spec
struct Params { rows: u32, length: u32, inner: u32 }
@group(0) @binding(0) var<storage, read> y: array<Act>;
@group(0) @binding(1) var<storage, read> dy: array<Act>;
@group(0) @binding(2) var<storage, read_write> dx: array<Act>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let flat = row_of(flat_group(group, groups), lane);
  let row = min(flat, p.rows - 1u);
  let own = own_first(lane);
  let first = (row / p.inner) * p.length * p.inner + row % p.inner + own * p.inner;
  let hop = LANES * p.inner;
  var total = 0.0;
  var at = first;
  for (var k = own; k < p.length; k += LANES * TURNS) {
    var g: array<f32, TURNS>;
    var out: array<f32, TURNS>;
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      g[t] = f32(dy[at]);
      if (!LOG) {
        out[t] = f32(y[at]);
      }
      at += hop;
    }
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      let inside = (t == 0u) | (k + t * LANES < p.length);
      if (LOG) {
        total += select(0.0, g[t], inside);
      } else {
        total += select(0.0, g[t] * out[t], inside);
      }
    }
  }
  total = row_sum(total, lane);
  if (flat >= p.rows) {
    return;
  }
  at = first;
  for (var k = own; k < p.length; k += LANES * TURNS) {
    var g: array<f32, TURNS>;
    var out: array<f32, TURNS>;
    var j: array<u32, TURNS>;
    let home = at;
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      j[t] = select(home, at, (t == 0u) | (k + t * LANES < p.length));
      at += hop;
      g[t] = f32(dy[j[t]]);
      out[t] = f32(y[j[t]]);
    }
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      if (LOG) {
        dx[j[t]] = Act(g[t] - exp_of(out[t]) * total);
      } else {
        dx[j[t]] = Act(out[t] * (g[t] - total));
      }
    }
  }
}
