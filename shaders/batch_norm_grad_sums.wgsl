// Sums of dy and of dy · xhat over slices of each channel; with one slice, the gradients of bias and weight. One workgroup
// per slice. After a ReLU, dy counts only where the output was positive.
//!include "lib/index.wgsl"
//!include "lib/channel_sums.wgsl"
//!include "lib/channel_walk.wgsl"
const RELU: bool = false;                //!spec
const RESIDUAL: bool = false;            //!spec   added before the ReLU
struct Params { channels: u32, area: u32, step_p: u32, step_j: u32, wrap_j: u32, items: u32, slices: u32, rounds: u32 }
@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> dy: array<Stored>;
@group(0) @binding(2) var<storage, read> y: array<Stored>;                // anything unless RESIDUAL
@group(0) @binding(3) var<storage, read> stats: array<f32>;             // [6, C], see lib/batch_statistics.wgsl
@group(0) @binding(4) var<storage, read_write> dweight: array<f32>;     // [C, slices]
@group(0) @binding(5) var<storage, read_write> dbias: array<f32>;       // [C, slices]
@group(0) @binding(6) var<uniform> params: Params;
//!include "lib/batch_normalise.wgsl"
//!include "lib/batch_norm_gate.wgsl"

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let flat = flat_group(group, groups);
  let c = min(flat / p.slices, p.channels - 1u);
  let norm = channel_norm(c);
  var at = channel_walk(c, flat % p.slices, lane);
  var sum = Item(0.0);
  var dot_sum = Item(0.0);
  // Sums of sums: rounding grows with the square root of the length, not with the length.
  while (at.i < at.end) {
    var block_sum = Item(0.0);
    var block_dot = Item(0.0);
    for (var k = 0u; k < 32u / TURNS; k++) {
      if (at.i >= at.end) {
        break;
      }
      var v: array<Item, TURNS>;
      var g: array<Item, TURNS>;
      var out: array<Item, TURNS>;
      var inside: array<bool, TURNS>;
      for (var t = 0u; t < TURNS; t++) {  //!unroll
        inside[t] = (t == 0u) | (at.i < at.end);
        v[t] = Item(x[at.j]);
        g[t] = Item(dy[at.j]);
        if (RESIDUAL) {
          out[t] = Item(y[at.j]);
        }
        at = channel_step(at, p);
      }
      for (var t = 0u; t < TURNS; t++) {  //!unroll
        let centre = centred(v[t], norm);
        let arrived = gated(g[t], centre, out[t], norm);
        block_sum += select(Item(0.0), arrived, inside[t]);
        block_dot += select(Item(0.0), arrived * centre, inside[t]);
      }
    }
    sum += block_sum;
    dot_sum += block_dot;
  }
  let total = workgroup_sums(vec2<f32>(item_total(sum), item_total(dot_sum)), lane);
  if (lane == 0u && flat < p.channels * p.slices) {
    dbias[flat] = total.x;
    dweight[flat] = total.y * stats[p.channels + c];
  }
}
