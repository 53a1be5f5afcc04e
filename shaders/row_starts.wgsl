// starts[r] = sum of counts before row r; ends begins as its copy. One workgroup, of which each invocation adds up a part.
struct Params { rows: u32 }
@group(0) @binding(0) var<storage, read> counts: array<u32>;
@group(0) @binding(1) var<storage, read_write> starts: array<u32>;
@group(0) @binding(2) var<storage, read_write> ends: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> totals: array<u32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lane: u32) {
  let part = (params.rows + 255u) / 256u;
  let first = min(lane * part, params.rows);
  let last = min(first + part, params.rows);
  var total = 0u;
  for (var r = first; r < last; r++) {
    total += counts[r];
  }
  totals[lane] = total;
  workgroupBarrier();
  var start = 0u;
  for (var k = 0u; k < lane; k++) {
    start += totals[k];
  }
  for (var r = first; r < last; r++) {
    starts[r] = start;
    ends[r] = start;
    start += counts[r];
  }
}
