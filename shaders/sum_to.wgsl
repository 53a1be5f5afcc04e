// y = sum of x over some axes. Adjacent axes of one kind are merged on the host, so three kept and three summed axes
// describe every tensor up to rank six. LANES invocations share one sum; their partial sums are added in a fixed tree.
// With few outputs the terms are cut into slices, each a result of its own that a second dispatch adds: y is then
// [outputs, slices].
//!include "lib/axes.wgsl"
//!include "lib/index.wgsl"
//!include "lib/reduce_lanes.wgsl"
const LANES: u32 = 64u;                  //!spec   1, 8 or 64
const RESULTS: u32 = 64u / LANES;        // of one workgroup

struct Params {
  kept: vec4<u32>,           // sizes of the kept axes, outermost first
  kept_stride: vec4<u32>,    // their strides in x, in elements
  summed: vec4<u32>,
  summed_stride: vec4<u32>,
  outputs: u32,
  terms: u32,
  slices: u32,               // results per output
  slice_terms: u32,          // terms of each slice; the last may have fewer
  scale: f32,                // 1, or 1 / terms for a mean
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let out = flat_group(group, groups) * RESULTS + lane % RESULTS;
  let results = params.outputs * params.slices;
  var sum = 0.0;
  if (out < results) {
    let base = axes_offset(out / params.slices, params.kept, params.kept_stride);
    let first = (out % params.slices) * params.slice_terms;
    let end = min(first + params.slice_terms, params.terms);
    // Blocks of 32 terms are summed apart first: the rounding error grows with the block count, not the term count.
    var k = first + lane / RESULTS;
    while (k < end) {
      var block = 0.0;
      for (var i = 0u; i < 32u && k < end; i++) {
        block += x[base + axes_offset(k, params.summed, params.summed_stride)];
        k += LANES;
      }
      sum += block;
    }
  }
  if (LANES > 1u) {
    sum = lanes_sum(sum, lane, RESULTS);
  }
  if (lane < RESULTS && out < results) {
    y[out] = sum * params.scale;
  }
}
