// Sets weights with |w| <= the row's threshold to +0, and with them up to two companions of the same layout (momentum, a second
// copy of the weights). Compares bits as integers, which have the order of magnitudes: exact also for subnormal numbers, and a
// threshold of -1 is below all. A workgroup handles one segment of 1024 elements.
//!include "lib/index.wgsl"
//!include "lib/segment.wgsl"
const MAGNITUDE: u32 = 0x7fffffffu;       // all bits but the sign
const COMPANIONS: u32 = 0u;              //!spec   0, 1 or 2; the others are dummies
struct Params { segments: u32, first_row: u32, row_step: u32 }
@group(0) @binding(0) var<storage, read_write> values: array<vec4<u32>>;    // [segments * 256], bits of floats
@group(0) @binding(1) var<storage, read_write> companion0: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> companion1: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> segment: array<Segment>;
@group(0) @binding(4) var<storage, read> thresholds: array<i32>;            // [rows] bits of floats
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let index = flat_group(group, groups);
  if (index >= params.segments) {
    return;
  }
  let here = segment[index];
  let threshold = thresholds[params.first_row + here.layer * params.row_step];
  for (var k = 0u; k < 4u; k++) {
    let at = k * 64u + lane;             // vec4 within the segment
    if (at * 4u >= here.count) {
      break;
    }
    let i = index * 256u + at;
    let bits = values[i];
    let valid = vec4(at * 4u) + vec4(0u, 1u, 2u, 3u) < vec4(here.count);
    let cut = valid & (bitcast<vec4<i32>>(bits & vec4(MAGNITUDE)) <= vec4(threshold));
    if (any(cut)) {
      values[i] = select(bits, vec4(0u), cut);
      if (COMPANIONS > 0u) {
        companion0[i] = select(companion0[i], vec4(0u), cut);
      }
      if (COMPANIONS > 1u) {
        companion1[i] = select(companion1[i], vec4(0u), cut);
      }
    }
  }
}
