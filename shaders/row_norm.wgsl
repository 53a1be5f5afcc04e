// y = (x - mean) / sqrt(var + eps) · weight + bias for each row (lib/row_norm.wgsl), in two passes over the row before the last:
// the mean, then the variance about it. stats [rows, 3] are shift, mean of x - shift, 1 / sqrt(var + eps).
//!include "lib/index.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/reduce_lanes.wgsl"
//!include "lib/row_norm.wgsl"
const LANES: u32 = 64u;                  //!spec   1, 8 or 64
const ROWS: u32 = 64u / LANES;           // of one workgroup
const WEIGHT: bool = true;               //!spec
const BIAS: bool = true;                 //!spec
struct Params { rows: u32, length: u32, plane: u32, groups: u32, per_group: u32, eps: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> stats: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

fn row_stats(base: u32, lane: u32) -> RowStats {
  let n = f32(params.length);
  let shift = x[base];
  var total = 0.0;
  for (var k = lane / ROWS; k < params.length; k += LANES) {
    total += x[base + k] - shift;
  }
  let first = row_sum(total, lane) / n;
  var rest = 0.0;
  var squares = 0.0;
  for (var k = lane / ROWS; k < params.length; k += LANES) {
    let d = x[base + k] - shift - first;
    rest += d;
    squares += d * d;
  }
  // What rounding left of the mean: it corrects both.
  let left = row_sum(rest, lane) / n;
  let variance = row_sum(squares, lane) / n - left * left;
  return RowStats(shift, first + left, 1.0 / sqrt(carried(max(variance, 0.0), variance) + params.eps));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups) * ROWS + lane % ROWS;
  let row = min(flat, params.rows - 1u);
  let base = row * params.length;
  let s = row_stats(base, lane);
  if (flat < params.rows) {
    if (lane / ROWS == 0u) {
      stats[row * 3u] = s.shift;
      stats[row * 3u + 1u] = s.mean;
      stats[row * 3u + 2u] = s.invstd;
    }
    for (var k = lane / ROWS; k < params.length; k += LANES) {
      var v = (x[base + k] - s.shift - s.mean) * s.invstd;
      let at = weight_index(row, k);
      if (WEIGHT) {
        v *= weight[at];
      }
      if (BIAS) {
        v += bias[at];
      }
      y[base + k] = v;
    }
  }
}
