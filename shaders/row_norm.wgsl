// y = (x - mean) / sqrt(var + eps) · weight + bias for each row (lib/row_norm.wgsl), in two passes over the row before the last:
// the mean, then the variance about it. stats [rows, 3] are shift, mean of x - shift, 1 / sqrt(var + eps).
//!include "lib/index.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/rows.wgsl"
//!include "lib/row_norm.wgsl"
const WEIGHT: bool = true;               //!spec
const BIAS: bool = true;                 //!spec
struct Params { rows: u32, length: u32, plane: u32, groups: u32, per_group: u32, eps: f32 }
@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<Act>;
@group(0) @binding(4) var<storage, read_write> stats: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

fn row_stats(base: u32, lane: u32) -> RowStats {
  let length = params.length;
  let own = own_first(lane);
  let n = f32(length);
  let shift = f32(x[base]);
  var total = 0.0;
  for (var k = own; k < length; k += LANES * TURNS) {
    var v: array<f32, TURNS>;
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      v[t] = f32(x[base + k + t * LANES]);
    }
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      total += select(0.0, v[t] - shift, (t == 0u) | (k + t * LANES < length));
    }
  }
  let first = row_sum(total, lane) / n;
  var rest = 0.0;
  var squares = 0.0;
  for (var k = own; k < length; k += LANES * TURNS) {
    var v: array<f32, TURNS>;
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      v[t] = f32(x[base + k + t * LANES]);
    }
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      let d = select(0.0, v[t] - shift - first, (t == 0u) | (k + t * LANES < length));
      rest += d;
      squares += d * d;
    }
  }
  // What rounding left of the mean: it corrects both.
  let left = row_sum(rest, lane) / n;
  let variance = row_sum(squares, lane) / n - left * left;
  return RowStats(shift, first + left, 1.0 / sqrt(carried(max(variance, 0.0), variance) + params.eps));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let flat = row_of(flat_group(group, groups), lane);
  let row = min(flat, p.rows - 1u);
  let base = row * p.length;
  let s = row_stats(base, lane);
  if (flat >= p.rows) {
    return;
  }
  let own = own_first(lane);
  if (own == 0u) {
    stats[row * 3u] = s.shift;
    stats[row * 3u + 1u] = s.mean;
    stats[row * 3u + 2u] = s.invstd;
  }
  let hop = weight_hop();
  var walk = weight_walk(row, own);
  for (var k = own; k < p.length; k += LANES * TURNS) {
    let home = walk.at;
    var v: array<f32, TURNS>;
    var w: array<f32, TURNS>;
    var b: array<f32, TURNS>;
    var j: array<u32, TURNS>;
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      let inside = (t == 0u) | (k + t * LANES < p.length);
      j[t] = base + select(k, k + t * LANES, inside);
      v[t] = f32(x[j[t]]);
      let at = select(home, walk.at, inside);
      if (WEIGHT) {
        w[t] = weight[at];
      }
      if (BIAS) {
        b[t] = bias[at];
      }
      walk = weight_step(walk, hop, p.plane);
    }
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      var out = (v[t] - s.shift - s.mean) * s.invstd;
      if (WEIGHT) {
        out *= w[t];
      }
      if (BIAS) {
        out += b[t];
      }
      y[j[t]] = Act(out);
    }
  }
}
