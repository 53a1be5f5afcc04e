// Sums of dy and of dy · xhat over slices of each channel; with one slice, the gradients of bias and weight. One workgroup
// per slice. After a ReLU, dy counts only where the output was positive.
//!include "lib/index.wgsl"
//!include "lib/channel_sums.wgsl"
//!include "lib/channel_walk.wgsl"
const RELU: bool = false;                //!spec
const RESIDUAL: bool = false;            //!spec   added before the ReLU
struct Params { channels: u32, area: u32, step_p: u32, step_j: u32, wrap_j: u32, items: u32, slices: u32, slice_items: u32 }
@group(0) @binding(0) var<storage, read> x: array<Item>;
@group(0) @binding(1) var<storage, read> dy: array<Item>;
@group(0) @binding(2) var<storage, read> y: array<Item>;                // anything unless RESIDUAL
@group(0) @binding(3) var<storage, read> stats: array<f32>;             // [6, C], see lib/batch_statistics.wgsl
@group(0) @binding(4) var<storage, read_write> dweight: array<f32>;     // [C, slices]
@group(0) @binding(5) var<storage, read_write> dbias: array<f32>;       // [C, slices]
@group(0) @binding(6) var<uniform> params: Params;
//!include "lib/batch_normalise.wgsl"
//!include "lib/batch_norm_gate.wgsl"

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups);
  let c = min(flat / params.slices, params.channels - 1u);
  let norm = channel_norm(c);
  let first = flat % params.slices * params.slice_items;
  let end = min(first + params.slice_items, params.items);
  var i = first + lane;
  var at = channel_walk(c, i);
  var sum = Item(0.0);
  var dot_sum = Item(0.0);
  // Sums of sums: rounding grows with the square root of the length, not with the length.
  while (i < end) {
    var block_sum = Item(0.0);
    var block_dot = Item(0.0);
    for (var k = 0u; k < 32u && i < end; k++) {
      let centre = centred(x[at.j], norm);
      let g = gated(at.j, centre, norm);
      block_sum += g;
      block_dot += g * centre;
      at = channel_step(at);
      i += 64u;
    }
    sum += block_sum;
    dot_sum += block_dot;
  }
  let total = workgroup_sums(vec2<f32>(item_total(sum), item_total(dot_sum)), lane);
  if (lane == 0u && flat < params.channels * params.slices) {
    dbias[flat] = total.x;
    dweight[flat] = total.y * stats[params.channels + c];
  }
}
