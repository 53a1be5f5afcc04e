// Counts rows whose largest logit is the target's; among equal ones the first counts. NaN when a logit is NaN: nothing is
// correct or wrong there. One workgroup, integers only.
//!include "lib/nonfinite.wgsl"
struct Params { rows: u32, classes: u32, nan: u32 }     // nan: its bits; WGSL has no such literal
@group(0) @binding(0) var<storage, read> logits: array<f32>;            // [rows, classes]
@group(0) @binding(1) var<storage, read> labels: array<i32>;            // [rows]
@group(0) @binding(2) var<storage, read_write> correct: array<f32>;     // [1]
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> total: atomic<u32>;
var<workgroup> lost: atomic<u32>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  var hits = 0u;
  var unknown = 0u;
  for (var row = lane; row < params.rows; row += 64u) {
    let base = row * params.classes;
    var best = 0u;
    var top = logits[base];
    unknown |= u32(is_nan(top));
    for (var c = 1u; c < params.classes; c++) {
      let v = logits[base + c];
      unknown |= u32(is_nan(v));
      if (v > top) {
        top = v;
        best = c;
      }
    }
    hits += select(0u, 1u, i32(best) == labels[row]);
  }
  atomicAdd(&total, hits);
  atomicOr(&lost, unknown);
  workgroupBarrier();
  if (lane == 0u) {
    correct[0] = select(f32(atomicLoad(&total)), bitcast<f32>(params.nan), atomicLoad(&lost) != 0u);
  }
}
