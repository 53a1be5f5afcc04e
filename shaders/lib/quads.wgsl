// The frame of an elementwise shader over arrays of vec4: result[i] = quad(i) for every group of four of params.n elements, and
// nothing behind the last element. The including shader declares `result`, quad() and ITEMS_PER_INVOCATION, a multiple of 4.
// An invocation's quads are 256 apart: each in another page, which a processor prefetches as one stream, and all their
// loads are issued before the first store. Quads behind the end repeat the last one and are not stored, so that no load branches.
//!include "lib/index.wgsl"
alias Act = f32;                         //!spec   element type of activations in memory, result among them
const LANES: u32 = 256u;
const QUADS: u32 = ITEMS_PER_INVOCATION / 4u;
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let start = flat_group(group, groups) * (LANES * QUADS) + lane;
  let whole = params.n / 4u;
  let last = (params.n - 1u) / 4u;
  var made: array<vec4<f32>, QUADS>;
  for (var k = 0u; k < QUADS; k++) {  //!unroll
    made[k] = quad(min(start + k * LANES, last));
  }
  var rest = vec4<f32>(0.0);
  var ends = false;
  for (var k = 0u; k < QUADS; k++) {  //!unroll
    if (start + k * LANES < whole) {
      result[start + k * LANES] = vec4<Act>(made[k]);
    }
    rest = select(rest, made[k], start + k * LANES == whole);
    ends |= start + k * LANES == whole;
  }
  if (ends) {
    for (var c = 0u; c < params.n % 4u; c++) {
      result[whole][c] = Act(rest[c]);
    }
  }
}
