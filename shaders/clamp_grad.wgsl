// dx = dy where low <= x <= high, else 0, also for NaN.
//!include "lib/quads.wgsl"
//!include "lib/nonfinite.wgsl"
const HAS_LOW: bool = true;              //!spec
const HAS_HIGH: bool = true;             //!spec
const ITEMS_PER_INVOCATION: u32 = 16u;   //!spec
struct Params { n: u32, low: f32, high: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<Act>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<Act>>;
@group(0) @binding(2) var<storage, read_write> result: array<vec4<Act>>;
@group(0) @binding(3) var<uniform> params: Params;

fn quad(i: u32) -> vec4<f32> {
  let v = vec4<f32>(x[i]);
  var inside = !is_nan4(v);
  if (HAS_LOW) {
    inside &= v >= vec4(params.low);
  }
  if (HAS_HIGH) {
    inside &= v <= vec4(params.high);
  }
  return select(vec4(0.0), vec4<f32>(dy[i]), inside);
}
