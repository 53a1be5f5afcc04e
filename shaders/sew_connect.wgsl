// Spikes of a shortcut and of a residual branch, joined. An invocation makes two times four neighbours.
//!include "lib/index.wgsl"
const CONNECT: u32 = 0u;                 //!spec   ADD, AND, IAND
const_assert CONNECT <= 2u;
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> identity: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> out: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

fn joined(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
  switch (CONNECT) {
    case 0u: { return a + b; }
    case 1u: { return a * b; }
    default: { return a * (1.0 - b); }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let start = flat_group(group, groups) * 128u + lane;
  for (var k = 0u; k < 2u; k++) {
    let i = start + k * 64u;
    if (i * 4u + 4u <= params.n) {
      y[i] = joined(identity[i], out[i]);
    } else if (i * 4u < params.n) {
      let r = joined(identity[i], out[i]);
      for (var c = 0u; c < params.n % 4u; c++) {
        y[i][c] = r[c];
      }
    }
  }
}
