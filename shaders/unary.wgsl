// A pointwise function of one tensor; the table of src/ops/unary.ts has the functions.
//!include "lib/quads.wgsl"
//!include "lib/nonfinite.wgsl"
const ITEMS_PER_INVOCATION: u32 = 16u;   //!spec
struct Params { n: u32, slope: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<Act>>;
@group(0) @binding(1) var<storage, read_write> result: array<vec4<Act>>;
@group(0) @binding(2) var<uniform> params: Params;

fn f(v: f32) -> f32 { return v; }        //!spec

fn quad(i: u32) -> vec4<f32> {
  let v = vec4<f32>(x[i]);
  return vec4(f(v.x), f(v.y), f(v.z), f(v.w));
}
