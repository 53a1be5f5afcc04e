// The gradient of a^b to one of its inputs, in the broadcast shape. Elements are located as in binary.wgsl.
//!include "lib/quads.wgsl"
//!include "lib/operands.wgsl"
//!include "lib/power.wgsl"
alias ActUp = f32;                       //!spec   element type of dy
const FLAT: bool = false;                //!spec   f is constant in parts: dx is 0 there, whatever dy is
const FAST: bool = true;                 //!spec
const ITEMS_PER_INVOCATION: u32 = 8u;    //!spec
struct Params { size0: vec4<u32>, size1: vec4<u32>, a0: vec4<u32>, a1: vec4<u32>, b0: vec4<u32>, b1: vec4<u32>, n: u32 }
@group(0) @binding(0) var<storage, read> a: array<vec4<ActA>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<ActB>>;
@group(0) @binding(2) var<storage, read> dy: array<vec4<ActUp>>;
@group(0) @binding(3) var<storage, read_write> result: array<vec4<Act>>;
@group(0) @binding(4) var<uniform> params: Params;

fn df(u: vec4<f32>, v: vec4<f32>) -> vec4<f32> { return base_slope(u, v); }  //!spec

fn quad(i: u32) -> vec4<f32> {
  let x = operands(i);
  let d = df(x.u, x.v);
  return select(vec4<f32>(dy[i]) * d, vec4(0.0), vec4(FLAT) & (d == vec4(0.0)));
}
