// The arithmetic gauge: CHAINS independent sums in registers, STEPS multiply-adds per turn of the loop.
//!include "lib/index.wgsl"
const CHAINS: u32 = 8u;                  //!spec   independent sums of an invocation
const STEPS: u32 = 16u;
struct Params { turns: u32, a: f32, b: f32 }
@group(0) @binding(0) var<storage, read_write> y: array<f32>;      // one sum of all chains for each invocation
@group(0) @binding(1) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = flat_group(group, groups) * 64u + lane;
  let a = params.a;
  let b = params.b;
  var sum: array<f32, CHAINS>;
  for (var c = 0u; c < CHAINS; c++) {    //!unroll
    sum[c] = f32(lane + c);
  }
  for (var turn = 0u; turn < params.turns; turn++) {
    for (var s = 0u; s < STEPS; s++) {   //!unroll
      for (var c = 0u; c < CHAINS; c++) { //!unroll
        sum[c] = fma(sum[c], a, b);
      }
    }
  }
  var total = 0.0;
  for (var c = 0u; c < CHAINS; c++) {    //!unroll
    total += sum[c];
  }
  y[i] = total;
}
