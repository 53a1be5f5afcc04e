// The gradient of f(a, b) to one of its inputs, in the broadcast shape. Elements are located as in binary.wgsl.
//!include "lib/quads.wgsl"
//!include "lib/operands.wgsl"
//!include "lib/nonfinite.wgsl"
alias ActUp = f32;                       //!spec   element type of dy
const FLAT: bool = false;                //!spec   f is constant in parts: dx is 0 there, whatever dy is
const FAST: bool = true;                 //!spec
const ITEMS_PER_INVOCATION: u32 = 16u;   //!spec
struct Params { size0: vec4<u32>, size1: vec4<u32>, a0: vec4<u32>, a1: vec4<u32>, b0: vec4<u32>, b1: vec4<u32>, n: u32 }
@group(0) @binding(0) var<storage, read> a: array<vec4<ActA>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<ActB>>;
@group(0) @binding(2) var<storage, read> dy: array<vec4<ActUp>>;
@group(0) @binding(3) var<storage, read_write> result: array<vec4<Act>>;
@group(0) @binding(4) var<uniform> params: Params;

// The share of the gradient that an input of maximum or minimum gets: all, none, or half of a tie. A comparison with NaN
// gives all of it to both, as in PyTorch.
fn share_of(wins: vec4<bool>, mine: vec4<f32>, other: vec4<f32>) -> vec4<f32> {
  let whole = wins | is_nan4(mine) | is_nan4(other);
  return select(select(vec4(0.0), vec4(1.0), whole), vec4(0.5), !is_nan4(mine) & (mine == other));
}

fn df(u: vec4<f32>, v: vec4<f32>) -> vec4<f32> { return v; }  //!spec

fn quad(i: u32) -> vec4<f32> {
  let x = operands(i);
  let d = df(x.u, x.v);
  return select(vec4<f32>(dy[i]) * d, vec4(0.0), vec4(FLAT) & (d == vec4(0.0)));
}
