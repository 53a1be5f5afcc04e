// y = sum of x over some axes. Adjacent axes of one kind are merged on the host, so three kept and three summed axes
// describe every tensor up to rank six. LANES invocations share one result; their sums are added in a fixed order.
// An Item is what one load brings: four neighbours where the innermost axis allows it, which are four terms of one result
// or one term of four results. With few results the terms are cut into slices, whose sums a second dispatch adds.
//!include "lib/axes.wgsl"
//!include "lib/index.wgsl"
alias Item = vec4<f32>;                  //!spec   f32 or vec4<f32>
const WIDTH: u32 = 4u;                   //!spec   results per Item
const ITEM_IS_ONE: bool = false;          //!spec   whether Item is f32
const LANES: u32 = 64u;                  //!spec   1, 8 or 64
const SHARED: u32 = 64u / LANES;         // Items of results of one workgroup

struct Params {
  kept: vec4<u32>,           // sizes of the kept axes in Items, outermost first
  kept_stride: vec4<u32>,    // their strides in x, in Items
  summed: vec4<u32>,
  summed_stride: vec4<u32>,
  step: vec4<u32>,           // LANES terms on: how far on each summed axis,
  wrap: vec4<u32>,           // and what to add to the offset past the end of axes y and z; w: for the step itself
  results: u32,              // Items of results
  terms: u32,                // Items of each
  slices: u32,
  slice_terms: u32,          // Items of each slice; the last may have fewer
  scale: f32,                // 1, or 1 / terms for a mean
}
@group(0) @binding(0) var<storage, read> x: array<Item>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;            // [slices, results]
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> sums: array<Item, 64>;

// The sum of terms first, first + LANES, ... below end. Walks by additions: a division costs as much as many loads.
fn sum_terms(base: u32, first: u32, end: u32) -> Item {
  var y_place = first / params.summed.z % params.summed.y;
  var z_place = first % params.summed.z;
  var at = base + axes_offset(first, params.summed, params.summed_stride);
  var sum = Item(0.0);
  var k = first;
  // Blocks of 32 terms are summed apart first: the rounding error grows with the block count, not the term count.
  while (k < end) {
    var block = Item(0.0);
    for (var i = 0u; i < 32u && k < end; i++) {
      block += x[at];
      k += LANES;
      z_place += params.step.z;
      y_place += params.step.y;
      at += params.wrap.w;
      if (z_place >= params.summed.z) {
        z_place -= params.summed.z;
        y_place += 1u;
        at += params.wrap.z;
      }
      if (y_place >= params.summed.y) {
        y_place -= params.summed.y;
        at += params.wrap.y;
      }
    }
    sum += block;
  }
  return sum;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups) * SHARED + lane % SHARED;
  let here = flat < params.results * params.slices;
  let result = flat % params.results;
  var sum = Item(0.0);
  if (here) {
    let first = flat / params.results * params.slice_terms;
    let end = min(first + params.slice_terms, params.terms);
    let base = axes_offset(result, params.kept, params.kept_stride);
    sum = sum_terms(base, min(first + lane / SHARED, params.terms), end);
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
    let all = vec4<f32>(sum) * params.scale;
    if (WIDTH == 4u) {
      for (var i = 0u; i < 4u; i++) {
        y[4u * flat + i] = all[i];
      }
    } else {
      y[flat] = select(dot(all, vec4<f32>(1.0)), all.x, ITEM_IS_ONE);
    }
  }
}
