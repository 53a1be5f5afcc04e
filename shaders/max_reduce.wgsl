// Largest value over some axes and its index: LANES invocations share one output. Of equal values the first wins, and the first NaN wins over all.
//!include "lib/index.wgsl"
//!include "lib/axes.wgsl"
//!include "lib/nonfinite.wgsl"
const LANES: u32 = 64u;                  //!spec   1, 8 or 64
const RESULTS: u32 = 64u / LANES;        // of one workgroup
struct Params { kept: vec4<u32>, kept_stride: vec4<u32>, reduced: vec4<u32>, reduced_stride: vec4<u32>, outputs: u32, terms: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> winner: array<u32>;       // flat index in x
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> values: array<f32, 64>;
var<workgroup> terms: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups) * RESULTS + lane % RESULTS;
  let out = min(flat, params.outputs - 1u);
  let base = axes_offset(out, params.kept, params.kept_stride);
  // Every lane starts from the first term, which loses every tie against itself.
  var best = 0u;
  var top = x[base];
  for (var k = lane / RESULTS; k < params.terms; k += LANES) {
    let v = x[base + axes_offset(k, params.reduced, params.reduced_stride)];
    if (takes_lead(v, top)) {
      top = v;
      best = k;
    }
  }
  if (LANES > 1u) {
    values[lane] = top;
    terms[lane] = best;
    workgroupBarrier();
    for (var half = 32u; half >= RESULTS; half >>= 1u) {
      if (lane < half) {
        let v = values[lane + half];
        let k = terms[lane + half];
        let ties = ties_with(v, values[lane]) && k < terms[lane];
        if (takes_lead(v, values[lane]) || ties) {
          values[lane] = v;
          terms[lane] = k;
        }
      }
      workgroupBarrier();
    }
    top = values[lane % RESULTS];
    best = terms[lane % RESULTS];
  }
  if (lane < RESULTS && flat < params.outputs) {
    y[out] = top;
    winner[out] = base + axes_offset(best, params.reduced, params.reduced_stride);
  }
}
