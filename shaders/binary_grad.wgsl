// The gradient of a OP b to one of its inputs, in the broadcast shape: products, quotients, and who won a comparison.
// Elements are found as in binary.wgsl.
//!include "lib/index.wgsl"
//!include "lib/broadcast.wgsl"
//!include "lib/nonfinite.wgsl"
const OP: u32 = 2u;                      //!spec   mul, div, maximum, minimum
const_assert OP >= 2u && OP <= 5u;
const TO_B: bool = false;                //!spec
const FAST: bool = true;                 //!spec
struct Params { size0: vec4<u32>, size1: vec4<u32>, a0: vec4<u32>, a1: vec4<u32>, b0: vec4<u32>, b1: vec4<u32>, n: u32 }
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> params: Params;

// What the winner of a comparison gets, or both.
fn share_of(wins: vec4<bool>, mine: vec4<f32>, other: vec4<f32>) -> vec4<f32> {
  let whole = wins | is_nan4(mine) | is_nan4(other);
  return select(select(vec4(0.0), vec4(1.0), whole), vec4(0.5), !is_nan4(mine) & (mine == other));
}

fn df(u: vec4<f32>, v: vec4<f32>) -> vec4<f32> {
  let mine = select(u, v, TO_B);
  let other = select(v, u, TO_B);
  switch (OP) {
    case 2u: { return other; }
    case 3u: { return select(1.0 / v, -(u / v) / v, TO_B); } // u / v² would overflow before the quotient does
    // A NaN beats nobody and nobody beats it: both sides get the whole gradient, as in PyTorch.
    case 4u: { return share_of(mine > other, mine, other); }
    default: { return share_of(mine < other, mine, other); }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let start = flat_group(group, groups) * 128u + lane;
  for (var k = 0u; k < 2u; k++) {
    let i = start + k * 64u;
    if (i * 4u < params.n) {
      var u: vec4<f32>;
      var v: vec4<f32>;
      if (FAST) {
        u = a[i];
        v = b[i];
      } else {
        var at = broadcast_offsets(i * 4u, params.size0, params.size1, params.a0, params.a1, params.b0, params.b1);
        var inner = (i * 4u) % params.size1.y;
        for (var c = 0u; c < 4u; c++) {
          u[c] = a[at.x / 4u][at.x % 4u];
          v[c] = b[at.y / 4u][at.y % 4u];
          inner++;
          at += vec2(params.a1.y, params.b1.y);
          if (inner == params.size1.y) {
            inner = 0u;
            at = broadcast_offsets(i * 4u + c + 1u, params.size0, params.size1, params.a0, params.a1, params.b0, params.b1);
          }
        }
      }
      let d = df(u, v);
      let r = select(dy[i] * d, vec4(0.0), vec4(OP >= 4u) & (d == vec4(0.0)));
      if (i * 4u + 4u <= params.n) {
        dx[i] = r;
      } else {
        for (var c = 0u; c < params.n % 4u; c++) {
          dx[i][c] = r[c];
        }
      }
    }
  }
}
