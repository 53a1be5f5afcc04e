// target += x, added as f32. All loads of an invocation are issued before its first store.
//!include "lib/index.wgsl"
alias Item = vec4<f32>;                  //!spec   f32 or f16; of vec4 where the length is a multiple of four
alias Sum = vec4<f32>;                   //!spec   f32, or vec4<f32>
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params { n: u32 }                 // Items
@group(0) @binding(0) var<storage, read> x: array<Item>;
@group(0) @binding(1) var<storage, read_write> target_: array<Item>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let n = params.n;
  let start = flat_group(group, groups) * (256u * ITEMS_PER_INVOCATION) + lane;
  var sum: array<Sum, ITEMS_PER_INVOCATION>;
  for (var k = 0u; k < ITEMS_PER_INVOCATION; k++) {  //!unroll
    let i = min(start + k * 256u, n - 1u);
    sum[k] = Sum(target_[i]) + Sum(x[i]);
  }
  for (var k = 0u; k < ITEMS_PER_INVOCATION; k++) {  //!unroll
    if (start + k * 256u < n) {
      target_[start + k * 256u] = Item(sum[k]);
    }
  }
}
