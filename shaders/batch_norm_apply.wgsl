// y = (x - mean) · scale + offset, plain, through ReLU, or with a residual added and then through ReLU. One workgroup per
// slice of a channel.
//!include "lib/index.wgsl"
//!include "lib/channel_walk.wgsl"
const RELU: bool = false;                //!spec
const RESIDUAL: bool = false;            //!spec   added before the ReLU
struct Params { channels: u32, area: u32, step_p: u32, step_j: u32, wrap_j: u32, items: u32, slices: u32, rounds: u32 }
@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> residual: array<Stored>;         // like x; anything unless RESIDUAL
@group(0) @binding(2) var<storage, read> stats: array<f32>;             // [6, C], see lib/batch_statistics.wgsl
@group(0) @binding(3) var<storage, read_write> y: array<Stored>;
@group(0) @binding(4) var<uniform> params: Params;
//!include "lib/batch_normalise.wgsl"

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
  var at = channel_walk(c, flat % p.slices, lane);
  while (at.i < at.end) {
    let home = at.j;
    var j: array<u32, TURNS>;
    var v: array<Item, TURNS>;
    var r: array<Item, TURNS>;
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      j[t] = select(home, at.j, (t == 0u) | (at.i < at.end));
      v[t] = Item(x[j[t]]);
      if (RESIDUAL) {
        r[t] = Item(residual[j[t]]);
      }
      at = channel_step(at, p);
    }
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      var out = normalised(centred(v[t], norm), norm);
      if (RESIDUAL) {
        out += r[t];
      }
      if (RELU) {
        out = item_relu(out);
      }
      y[j[t]] = Stored(out);
    }
  }
}
