// Largest value over some axes and its index: LANES invocations share one output. Of equal values the first wins, and the first NaN wins over all.
//!include "lib/index.wgsl"
//!include "lib/axes.wgsl"
//!include "lib/nonfinite.wgsl"
alias Act = f32;                         //!spec   element type of x and y in memory
const LANES: u32 = 64u;                  //!spec   1, 8 or 64
const TURNS: u32 = 4u;                   //!spec   loads of an invocation before it waits for the first
const RESULTS: u32 = 64u / LANES;        // of one workgroup
// step, wrap: LANES terms on, see lib/axes.wgsl
struct Params { kept: vec4<u32>, kept_stride: vec4<u32>, reduced: vec4<u32>, reduced_stride: vec4<u32>, step: vec4<u32>,
  wrap: vec4<u32>, outputs: u32, terms: u32 }
@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read_write> y: array<Act>;
@group(0) @binding(2) var<storage, read_write> winner: array<u32>;       // flat index in x
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> values: array<f32, 64>;
var<workgroup> terms: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let flat = flat_group(group, groups) * RESULTS + (lane & (RESULTS - 1u));
  let out = min(flat, p.outputs - 1u);
  let base = axes_offset(out, p.kept, p.kept_stride);
  let own = lane >> firstTrailingBit(RESULTS);
  // Every lane starts from the first term, which loses every tie against itself.
  var best = 0u;
  var top = f32(x[base]);
  var walk = axes_walk(base, own, p.reduced, p.reduced_stride);
  for (var k = own; k < p.terms; k += LANES * TURNS) {
    var v: array<f32, TURNS>;
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      v[t] = f32(x[walk.at]);
      walk = axes_step(walk, p.reduced, p.step, p.wrap);
    }
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      let leads = takes_lead(v[t], top) & ((t == 0u) | (k + t * LANES < p.terms));
      top = select(top, v[t], leads);
      best = select(best, k + t * LANES, leads);
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
    top = values[lane & (RESULTS - 1u)];
    best = terms[lane & (RESULTS - 1u)];
  }
  if (lane < RESULTS && flat < p.outputs) {
    y[out] = Act(top);
    winner[out] = base + axes_offset(best, p.reduced, p.reduced_stride);
  }
}
