// dx = dy · f'(x), of the functions in src/ops/unary.ts.
//!include "lib/quads.wgsl"
//!include "lib/nonfinite.wgsl"
const FLAT: bool = false;                //!spec   f is constant in parts: dx is 0 there, whatever dy is
const ITEMS_PER_INVOCATION: u32 = 16u;   //!spec
struct Params { n: u32, slope: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<Act>>;            // the input, or the output
@group(0) @binding(1) var<storage, read> dy: array<vec4<Act>>;
@group(0) @binding(2) var<storage, read_write> result: array<vec4<Act>>;
@group(0) @binding(3) var<uniform> params: Params;

fn df(v: f32) -> f32 { return 1.0; }     //!spec

fn quad(i: u32) -> vec4<f32> {
  let v = vec4<f32>(x[i]);
  let d = vec4(df(v.x), df(v.y), df(v.z), df(v.w));
  return select(vec4<f32>(dy[i]) * d, vec4(0.0), vec4(FLAT) & (d == vec4(0.0)));
}
