// Gradient of layer and group norm. With xhat = (x - mean) · invstd and g = dy · weight:
// dx = invstd · (g - mean of g - xhat · mean of g · xhat) over each row; scaled = dy · xhat, whose sums are the weight's gradient.
//!include "lib/index.wgsl"
//!include "lib/rows.wgsl"
//!include "lib/row_norm.wgsl"
const WEIGHT: bool = true;               //!spec
const SCALED: bool = true;               //!spec   write `scaled`
const INPUT: bool = true;                //!spec   write dx
struct Params { rows: u32, length: u32, plane: u32, groups: u32, per_group: u32 }
@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> stats: array<f32>;       // [rows, 3]
@group(0) @binding(3) var<storage, read> dy: array<Act>;
@group(0) @binding(4) var<storage, read_write> dx: array<Act>;
@group(0) @binding(5) var<storage, read_write> scaled: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let flat = row_of(flat_group(group, groups), lane);
  let row = min(flat, p.rows - 1u);
  let base = row * p.length;
  let s = RowStats(stats[row * 3u], stats[row * 3u + 1u], stats[row * 3u + 2u]);
  let own = own_first(lane);
  let hop = weight_hop();
  var total = 0.0;
  var along = 0.0;
  if (INPUT) {
    var walk = weight_walk(row, own);
    for (var k = own; k < p.length; k += LANES * TURNS) {
      var v: array<f32, TURNS>;
      var g: array<f32, TURNS>;
      var w: array<f32, TURNS>;
      for (var t = 0u; t < TURNS; t++) {  //!unroll
        v[t] = f32(x[base + k + t * LANES]);
        g[t] = f32(dy[base + k + t * LANES]);
        w[t] = 1.0;
        if (WEIGHT) {
          w[t] = weight[walk.at];
        }
        walk = weight_step(walk, hop, p.plane);
      }
      for (var t = 0u; t < TURNS; t++) {  //!unroll
        let inside = (t == 0u) | (k + t * LANES < p.length);
        let up = g[t] * w[t];
        total += select(0.0, up, inside);
        along += select(0.0, up * ((v[t] - s.shift - s.mean) * s.invstd), inside);
      }
    }
    total = row_sum(total, lane) / f32(p.length);
    along = row_sum(along, lane) / f32(p.length);
  }
  if (flat >= p.rows) {
    return;
  }
  var walk = weight_walk(row, own);
  for (var k = own; k < p.length; k += LANES * TURNS) {
    let home = walk.at;
    var v: array<f32, TURNS>;
    var g: array<f32, TURNS>;
    var w: array<f32, TURNS>;
    var j: array<u32, TURNS>;
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      let inside = (t == 0u) | (k + t * LANES < p.length);
      j[t] = base + select(k, k + t * LANES, inside);
      v[t] = f32(x[j[t]]);
      g[t] = f32(dy[j[t]]);
      w[t] = 1.0;
      if (WEIGHT && INPUT) {
        w[t] = weight[select(home, walk.at, inside)];
      }
      walk = weight_step(walk, hop, p.plane);
    }
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      let xhat = (v[t] - s.shift - s.mean) * s.invstd;
      if (SCALED) {
        scaled[j[t]] = g[t] * xhat;
      }
      if (INPUT) {
        dx[j[t]] = Act(s.invstd * (g[t] * w[t] - total - xhat * along));
      }
    }
  }
}
