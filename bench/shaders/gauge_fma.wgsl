// The arithmetic gauge: 2 PAIRS independent sums, each in a named variable, and STEPS multiply-adds of each per turn of the
// loop. An array of sums is kept in memory by some drivers.
//!include "lib/index.wgsl"
const PAIRS: u32 = 4u;                   //!spec   sums of an invocation in twos, at most 12
const STEPS: u32 = 16u;
struct Params { turns: u32, a: f32, b: f32, zero: f32 }
@group(0) @binding(0) var<storage, read_write> y: array<f32>;      // one sum of all chains for each invocation
@group(0) @binding(1) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = flat_group(group, groups) * 64u + lane;
  // The same numbers in all invocations, but in their registers: compilers copy a uniform operand for each multiply-add.
  let a = vec2(params.a + params.zero * f32(lane));
  let b = vec2(params.b + params.zero * f32(lane));
  let first = vec2(f32(lane), f32(lane) + 1.0);
  var s0 = first;
  var s1 = first + 2.0;
  var s2 = first + 4.0;
  var s3 = first + 6.0;
  var s4 = first + 8.0;
  var s5 = first + 10.0;
  var s6 = first + 12.0;
  var s7 = first + 14.0;
  var s8 = first + 16.0;
  var s9 = first + 18.0;
  var s10 = first + 20.0;
  var s11 = first + 22.0;
  for (var turn = 0u; turn < params.turns; turn++) {
    for (var step = 0u; step < STEPS; step++) {   //!unroll
      s0 = fma(s0, a, b);
      if (PAIRS > 1u) { s1 = fma(s1, a, b); }
      if (PAIRS > 2u) { s2 = fma(s2, a, b); }
      if (PAIRS > 3u) { s3 = fma(s3, a, b); }
      if (PAIRS > 4u) { s4 = fma(s4, a, b); }
      if (PAIRS > 5u) { s5 = fma(s5, a, b); }
      if (PAIRS > 6u) { s6 = fma(s6, a, b); }
      if (PAIRS > 7u) { s7 = fma(s7, a, b); }
      if (PAIRS > 8u) { s8 = fma(s8, a, b); }
      if (PAIRS > 9u) { s9 = fma(s9, a, b); }
      if (PAIRS > 10u) { s10 = fma(s10, a, b); }
      if (PAIRS > 11u) { s11 = fma(s11, a, b); }
    }
  }
  var total = s0;
  if (PAIRS > 1u) { total += s1; }
  if (PAIRS > 2u) { total += s2; }
  if (PAIRS > 3u) { total += s3; }
  if (PAIRS > 4u) { total += s4; }
  if (PAIRS > 5u) { total += s5; }
  if (PAIRS > 6u) { total += s6; }
  if (PAIRS > 7u) { total += s7; }
  if (PAIRS > 8u) { total += s8; }
  if (PAIRS > 9u) { total += s9; }
  if (PAIRS > 10u) { total += s10; }
  if (PAIRS > 11u) { total += s11; }
  y[i] = total.x + total.y;
}
