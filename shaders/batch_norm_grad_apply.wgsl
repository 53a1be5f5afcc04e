// dx of batch norm. Training: dx = scale · (dy - mean(dy) - xhat · mean(dy · xhat)); evaluation, where the statistics are
// constants: dx = scale · dy. With a residual, its gradient too, which is dy where the output was positive.
//!include "lib/index.wgsl"
//!include "lib/channel_walk.wgsl"
const RELU: bool = false;                //!spec
const RESIDUAL: bool = false;            //!spec   added before the ReLU
const TRAINING: bool = true;             //!spec
struct Params { channels: u32, area: u32, step_p: u32, step_j: u32, wrap_j: u32, items: u32, slices: u32, rounds: u32,
  count: f32 }
@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> dy: array<Stored>;
@group(0) @binding(2) var<storage, read> y: array<Stored>;                // anything unless RESIDUAL
@group(0) @binding(3) var<storage, read> stats: array<f32>;             // [6, C], see lib/batch_statistics.wgsl
@group(0) @binding(4) var<storage, read> dweight: array<f32>;
@group(0) @binding(5) var<storage, read> dbias: array<f32>;
@group(0) @binding(6) var<storage, read_write> dx: array<Stored>;
@group(0) @binding(7) var<storage, read_write> dresidual: array<Stored>;  // not written unless RESIDUAL
@group(0) @binding(8) var<uniform> params: Params;
//!include "lib/batch_normalise.wgsl"
//!include "lib/batch_norm_gate.wgsl"

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let flat = flat_group(group, groups);
  let c = flat / p.slices;
  if (c >= p.channels) {
    return;
  }
  let norm = channel_norm(c);
  var mean_dy = 0.0;
  var mean_dot = 0.0;
  if (TRAINING) {
    mean_dy = dbias[c] / p.count;
    mean_dot = dweight[c] / p.count * stats[p.channels + c];
  }
  var at = channel_walk(c, flat % p.slices, lane);
  while (at.i < at.end) {
    let home = at.j;
    var j: array<u32, TURNS>;
    var v: array<Item, TURNS>;
    var g: array<Item, TURNS>;
    var out: array<Item, TURNS>;
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      j[t] = select(home, at.j, (t == 0u) | (at.i < at.end));
      // Without statistics to correct for and without a gate that needs it, compilers drop the read of x.
      v[t] = Item(x[j[t]]);
      g[t] = Item(dy[j[t]]);
      if (RESIDUAL) {
        out[t] = Item(y[j[t]]);
      }
      at = channel_step(at, p);
    }
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      let centre = centred(v[t], norm);
      let arrived = gated(g[t], centre, out[t], norm);
      if (RESIDUAL) {
        dresidual[j[t]] = Stored(arrived);
      }
      dx[j[t]] = Stored(norm.scale * (arrived - mean_dy - centre * mean_dot));
    }
  }
}
