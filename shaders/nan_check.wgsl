// Lowers `first` to `index` if x holds a NaN or an infinity. Tests the exponent bits: compilers may assume no NaN.
//!include "lib/index.wgsl"
const HALVES: bool = false;              //!spec   x holds two f16 a word
const ITEMS_PER_INVOCATION: u32 = 16u;
struct Params { n: u32, index: u32 }     // n: elements
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> first: atomic<u32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let start = flat_group(group, groups) * (64u * ITEMS_PER_INVOCATION) + lane;
  var bad = false;
  for (var k = 0u; k < ITEMS_PER_INVOCATION; k++) {
    let i = start + k * 64u;
    if (HALVES) {
      if (2u * i < params.n) {
        // Behind an odd count the upper half is not an element.
        let upper = 2u * i + 1u < params.n && (x[i] & 0x7c000000u) == 0x7c000000u;
        bad = bad || upper || (x[i] & 0x7c00u) == 0x7c00u;
      }
    } else if (i < params.n) {
      bad = bad || (x[i] & 0x7f800000u) == 0x7f800000u;
    }
  }
  if (bad) {
    atomicMin(&first, params.index);
  }
}
