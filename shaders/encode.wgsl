// x at every step: itself, or its binary digits, most significant first. One invocation writes all steps of an Item.
//!include "lib/index.wgsl"
alias Item = vec4<f32>;                  //!spec   f32 or vec4<f32>
const DIGITS: bool = false;              //!spec
struct Params { n: u32, steps: u32 }     // n in Items
@group(0) @binding(0) var<storage, read> x: array<Item>;
@group(0) @binding(1) var<storage, read_write> y: array<Item>;          // [steps, n]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = flat_group(group, groups) * 64u + lane;
  if (i >= params.n) {
    return;
  }
  var rest = x[i];
  var weight = 0.5;
  for (var t = 0u; t < params.steps; t++) {
    if (DIGITS) {
      // Exact: the weight is a power of two, and what is left has no more digits than x.
      let digit = select(Item(0.0), Item(1.0), rest >= Item(weight));
      y[t * params.n + i] = digit;
      rest -= digit * weight;
      weight *= 0.5;
    } else {
      y[t * params.n + i] = rest;
    }
  }
}
