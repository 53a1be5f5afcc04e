// y [b, a, inner] = x [a, b, inner] with the first two axes swapped. An invocation copies eight Items, 64 apart in y, and
// walks from one to the next by additions: a division costs as much as many loads.
//!include "lib/index.wgsl"
alias Item = vec4<f32>;                  //!spec   f32 or f16, or a vec4 of it
const ITEMS_PER_INVOCATION: u32 = 8u;
struct Params {
  n: u32,                    // a · b · inner
  a: u32,
  b: u32,
  inner: u32,                // Items in a row
  step: vec3<u32>,           // 64 Items of y further on: along inner, a and b
}
@group(0) @binding(0) var<storage, read> x: array<Item>;
@group(0) @binding(1) var<storage, read_write> y: array<Item>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let p = params;
  var i = flat_group(group, groups) * (64u * ITEMS_PER_INVOCATION) + lane;
  let row = i / p.inner;
  var at = vec3<u32>(i % p.inner, row % p.a, row / p.a);
  for (var k = 0u; k < ITEMS_PER_INVOCATION; k++) {
    if (i < p.n) {
      y[i] = x[(at.y * p.b + at.z) * p.inner + at.x];
    }
    i += 64u;
    at += p.step;
    if (at.x >= p.inner) {
      at.x -= p.inner;
      at.y += 1u;
    }
    if (at.y >= p.a) {
      at.y -= p.a;
      at.z += 1u;
    }
  }
}
