// Counts the weights by a digit of |x|: one pass of a radix selection. The bits of a non-negative float order like the
// float, so the 31 bits of |x| are taken as an integer, from the top: 11, 10 and 10 bits. A weight counts when its higher bits
// are those that the row's earlier passes found. Integers only: the order of the atomics cannot change a count.
//!include "lib/index.wgsl"
//!include "lib/segment.wgsl"
const BINS: u32 = 2048u;
const MAGNITUDE: u32 = 0x7fffffffu;       // all bits but the sign
// shift: bits below the digit; above: bits below what must match; mask: of the digit. span: segments of one workgroup.
// A layer's row is first_row + layer * row_step.
struct Params { segments: u32, span: u32, first_row: u32, row_step: u32, shift: u32, above: u32, mask: u32 }
@group(0) @binding(0) var<storage, read> values: array<vec4<u32>>;          // [segments * 256], bits of floats
@group(0) @binding(1) var<storage, read> segment: array<Segment>;
@group(0) @binding(2) var<storage, read> found: array<vec2<u32>>;           // [rows]: higher bits, rank among those that have them
@group(0) @binding(3) var<storage, read_write> bins: array<atomic<u32>>;    // [rows, BINS]
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> tally: array<atomic<u32>, BINS>;

// Adds the workgroup's counts to the row's and clears them.
fn hand_over(row: u32, lane: u32) {
  workgroupBarrier();
  for (var k = lane; k < BINS; k += 256u) {
    let n = atomicExchange(&tally[k], 0u);
    if (n > 0u) {
      atomicAdd(&bins[row * BINS + k], n);
    }
  }
  workgroupBarrier();
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let first = flat_group(group, groups) * params.span;
  let end = min(first + params.span, params.segments);
  if (first >= end) {
    return;
  }
  var row = params.first_row + segment[first].layer * params.row_step;
  var wanted = found[row].x;
  // Digit 0 is counted in a register: a pruned layer is mostly zeros, which would contend for one bin.
  var lowest = 0u;
  for (var s = first; s < end; s++) {
    let here = segment[s];
    let own_row = params.first_row + here.layer * params.row_step;
    if (own_row != row) {
      atomicAdd(&tally[0], lowest);
      lowest = 0u;
      hand_over(row, lane);
      row = own_row;
      wanted = found[row].x;
    }
    let bits = values[s * 256u + lane] & vec4(MAGNITUDE);
    for (var c = 0u; c < 4u; c++) {  //!unroll
      if (lane * 4u + c < here.count && bits[c] >> params.above == wanted) {
        let digit = (bits[c] >> params.shift) & params.mask;
        if (digit == 0u) {
          lowest++;
        } else {
          atomicAdd(&tally[digit], 1u);
        }
      }
    }
  }
  atomicAdd(&tally[0], lowest);
  hand_over(row, lane);
}
