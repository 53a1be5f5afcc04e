// Gradient of layer and group norm. With xhat = (x - mean) · invstd and g = dy · weight:
// dx = invstd · (g - mean of g - xhat · mean of g · xhat) over each row; scaled = dy · xhat, whose sums are the weight's gradient.
//!include "lib/index.wgsl"
//!include "lib/reduce_lanes.wgsl"
//!include "lib/row_norm.wgsl"
const LANES: u32 = 64u;                  //!spec   1, 8 or 64
const ROWS: u32 = 64u / LANES;           // of one workgroup
const WEIGHT: bool = true;               //!spec
const SCALED: bool = true;               //!spec   write `scaled`
const INPUT: bool = true;                //!spec   write dx
struct Params { rows: u32, length: u32, plane: u32, groups: u32, per_group: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> stats: array<f32>;       // [rows, 3]
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
@group(0) @binding(5) var<storage, read_write> scaled: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

fn upstream(row: u32, k: u32) -> f32 {
  let g = dy[row * params.length + k];
  if (WEIGHT) {
    return g * weight[weight_index(row, k)];
  }
  return g;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups) * ROWS + lane % ROWS;
  let row = min(flat, params.rows - 1u);
  let base = row * params.length;
  let s = RowStats(stats[row * 3u], stats[row * 3u + 1u], stats[row * 3u + 2u]);
  var total = 0.0;
  var along = 0.0;
  if (INPUT) {
    for (var k = lane / ROWS; k < params.length; k += LANES) {
      let g = upstream(row, k);
      total += g;
      along += g * ((x[base + k] - s.shift - s.mean) * s.invstd);
    }
    total = row_sum(total, lane) / f32(params.length);
    along = row_sum(along, lane) / f32(params.length);
  }
  if (flat < params.rows) {
    for (var k = lane / ROWS; k < params.length; k += LANES) {
      let xhat = (x[base + k] - s.shift - s.mean) * s.invstd;
      if (SCALED) {
        scaled[base + k] = dy[base + k] * xhat;
      }
      if (INPUT) {
        dx[base + k] = s.invstd * (upstream(row, k) - total - xhat * along);
      }
    }
  }
}
