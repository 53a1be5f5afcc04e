// The gradient of a OP b to one of its inputs, in the broadcast shape: products, quotients, and who won a comparison.
//!include "lib/index.wgsl"
//!include "lib/broadcast.wgsl"
const OP: u32 = 2u;                      //!spec   mul, div, maximum, minimum
const TO_B: bool = false;                //!spec
const FAST: bool = true;                 //!spec
struct Params { size0: vec4<u32>, size1: vec4<u32>, a0: vec4<u32>, a1: vec4<u32>, b0: vec4<u32>, b1: vec4<u32>, n: u32 }
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

fn df(u: f32, v: f32) -> f32 {
  let mine = select(u, v, TO_B);
  let other = select(v, u, TO_B);
  switch (OP) {
    case 2u: { return other; }
    case 3u: { return select(1.0 / v, -u / (v * v), TO_B); }
    case 4u: { return select(select(0.0, 1.0, mine > other), 0.5, mine == other); }
    default: { return select(select(0.0, 1.0, mine < other), 0.5, mine == other); }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let start = flat_group(group, groups) * 512u + lane;
  for (var k = 0u; k < 8u; k++) {
    let i = start + k * 64u;
    if (i < params.n) {
      if (FAST) {
        dx[i] = dy[i] * df(a[i], b[i]);
      } else {
        let at = broadcast_offsets(i, params.size0, params.size1, params.a0, params.a1, params.b0, params.b1);
        dx[i] = dy[i] * df(a[at.x], b[at.y]);
      }
    }
  }
}
