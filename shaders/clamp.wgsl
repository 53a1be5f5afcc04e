// y = x, limited to [low, high]; NaN stays. A missing bound is not compared.
//!include "lib/quads.wgsl"
//!include "lib/nonfinite.wgsl"
const HAS_LOW: bool = true;              //!spec
const HAS_HIGH: bool = true;             //!spec
const ITEMS_PER_INVOCATION: u32 = 16u;   //!spec
struct Params { n: u32, low: f32, high: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<Act>>;
@group(0) @binding(1) var<storage, read_write> result: array<vec4<Act>>;
@group(0) @binding(2) var<uniform> params: Params;

fn quad(i: u32) -> vec4<f32> {
  let v = vec4<f32>(x[i]);
  var y = v;
  if (HAS_LOW) {
    y = max(y, vec4(params.low));
  }
  if (HAS_HIGH) {
    y = min(y, vec4(params.high));
  }
  return carried4(y, v);
}
