// y = sum of x over some axes. Adjacent axes of one kind are merged on the host, so three kept and three summed axes
// describe every tensor up to rank six. LANES invocations share one result; their sums are added in a fixed order.
// An Item is what one load brings: four neighbours where the innermost axis allows it, which are four terms of one result
// or one term of four results. With few results the terms are cut into slices, whose sums a second dispatch adds.
//!include "lib/axes.wgsl"
//!include "lib/index.wgsl"
alias Act = f32;                         //!spec   element type of x in memory
alias Item = vec4<f32>;                  //!spec   f32 or vec4<f32>
alias Stored = vec4<Act>;                //!spec   Act or vec4<Act>, as Item
alias Result = vec4<f32>;                //!spec   what one invocation writes: f32, f16, or a vec4 of them
const LANES: u32 = 64u;                  //!spec   1, 8 or 64
const NEAR: u32 = 64u;                   //!spec   lanes of a result that take neighbouring terms: on a CPU an eighth, see lib/channel_walk.wgsl
const TURNS: u32 = 4u;                   //!spec   loads of an invocation before it waits for the first
const SHARED: u32 = 64u / LANES;         // Items of results of one workgroup
const BLOCK: u32 = 32u / TURNS;

struct Params {
  kept: vec4<u32>,           // sizes of the kept axes in Items, outermost first
  kept_stride: vec4<u32>,    // their strides in x, in Items
  summed: vec4<u32>,
  summed_stride: vec4<u32>,
  step: vec4<u32>,           // NEAR terms on: see lib/axes.wgsl
  wrap: vec4<u32>,
  results: u32,              // Items of results
  terms: u32,                // Items of each
  slices: u32,
  slice_terms: u32,          // Items of each slice; the last may have fewer
  rounds: u32,               // Items of an invocation in a whole slice
  scale: f32,                // 1, or 1 / terms for a mean
}
@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read_write> y: array<Result>;         // [slices, results]
@group(0) @binding(2) var<uniform> params: Params;

fn result_of(v: vec4<f32>) -> Result { return v; }  //!spec

var<workgroup> sums: array<Item, 64>;

// The sum of terms k, k + NEAR, ... below end.
fn sum_terms(base: u32, first: u32, end: u32) -> Item {
  let p = params;
  var walk = axes_walk(base, first, p.summed, p.summed_stride);
  var sum = Item(0.0);
  var k = first;
  // Blocks of 32 terms are summed apart first: the rounding error grows with the block count, not the term count.
  while (k < end) {
    var block = Item(0.0);
    for (var i = 0u; i < BLOCK; i++) {
      if (k >= end) {
        break;
      }
      var v: array<Item, TURNS>;
      var inside: array<bool, TURNS>;
      for (var t = 0u; t < TURNS; t++) {  //!unroll
        inside[t] = (t == 0u) | (k < end);
        v[t] = Item(x[walk.at]);
        walk = axes_step(walk, p.summed, p.step, p.wrap);
        k += NEAR;
      }
      for (var t = 0u; t < TURNS; t++) {  //!unroll
        block += select(Item(0.0), v[t], inside[t]);
      }
    }
    sum += block;
  }
  return sum;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups) * SHARED + (lane & (SHARED - 1u));
  let here = flat < params.results * params.slices;
  var result = flat;
  var slice = 0u;
  if (params.slices > 1u) {
    slice = flat / params.results;
    result = flat % params.results;
  }
  var sum = Item(0.0);
  if (here) {
    let begin = slice * params.slice_terms;
    let end = min(begin + params.slice_terms, params.terms);
    let base = axes_offset(result, params.kept, params.kept_stride);
    // Shifts and masks: software drivers divide by constants.
    let own = lane >> firstTrailingBit(SHARED);
    let near = own & (NEAR - 1u);
    let first = begin + (own - near) * params.rounds + near;
    sum = sum_terms(base, first, min(begin + (own - near + NEAR) * params.rounds, end));
  }
  if (LANES > 1u) {
    sums[lane] = sum;
    workgroupBarrier();
    if (lane < 8u) {
      for (var k = lane + 8u; k < 64u; k += 8u) {
        sum += sums[k];
      }
      sums[lane] = sum;
    }
    if (LANES == 64u) {
      workgroupBarrier();
      if (lane == 0u) {
        for (var k = 1u; k < 8u; k++) {
          sum += sums[k];
        }
      }
    }
  }
  if (here && lane < SHARED) {
    // An Item of one number fills the vector with it.
    y[flat] = result_of(vec4<f32>(sum) * params.scale);
  }
}
