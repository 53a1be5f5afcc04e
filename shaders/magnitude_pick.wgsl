// Finds the bin of the weight of a given rank, between two passes of a radix selection. One workgroup per row adds up the
// bins, appends the digit to what the row has found, keeps the rank that is left within the bin, and clears the bins.
//!include "lib/index.wgsl"
const BINS: u32 = 2048u;
const EACH: u32 = 8u;                    // bins of one invocation
const NONE: u32 = 0xbf800000u;           // bits of -1
// bits: of this pass's digit; first: start from the rank; last: the digits are complete.
struct Params { rows: u32, bits: u32, first: u32, last: u32 }
@group(0) @binding(0) var<storage, read> ranks: array<u32>;                 // [rows] 1 is the smallest; 0: nothing
@group(0) @binding(1) var<storage, read_write> bins: array<u32>;            // [rows, BINS]
@group(0) @binding(2) var<storage, read_write> found: array<vec2<u32>>;     // [rows]: bits so far, rank left
@group(0) @binding(3) var<storage, read_write> thresholds: array<u32>;      // [rows] bits of floats
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> sums: array<u32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let row = flat_group(group, groups);
  if (row >= params.rows) {
    return;
  }
  var have = vec2(0u, ranks[row]);
  if (params.first == 0u) {
    have = found[row];
  }
  let base = row * BINS + lane * EACH;
  var counts: array<u32, EACH>;
  var own = 0u;
  for (var k = 0u; k < EACH; k++) {  //!unroll
    counts[k] = bins[base + k];
    own += counts[k];
  }
  for (var k = 0u; k < EACH; k++) {
    bins[base + k] = 0u;
  }
  sums[lane] = own;
  for (var step = 1u; step < 256u; step <<= 1u) {
    workgroupBarrier();
    var left = 0u;
    if (lane >= step) {
      left = sums[lane - step];
    }
    workgroupBarrier();
    sums[lane] += left;
  }
  workgroupBarrier();
  storageBarrier();                      // all have read found[row]; now one writes it
  let rank = min(have.y, sums[255]);     // a rank above the number of weights means the largest
  var before = sums[lane] - own;
  if (rank > before && rank <= before + own) {
    var digit = lane * EACH;
    for (var k = 0u; k < EACH - 1u; k++) {  //!unroll
      if (digit == lane * EACH + k && rank > before + counts[k]) {
        before += counts[k];
        digit++;
      }
    }
    let bits = (have.x << params.bits) | digit;
    found[row] = vec2(bits, rank - before);
    if (params.last != 0u) {
      thresholds[row] = bits;
      found[row] = vec2(0u);             // for the next run's first pass
    }
  }
  if (rank == 0u && lane == 0u) {
    found[row] = vec2(0u);
    thresholds[row] = NONE;
  }
}
