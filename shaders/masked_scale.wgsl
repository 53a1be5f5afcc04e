// y = x · mask · scale.
//!include "lib/quads.wgsl"
alias Mask = f32;                        //!spec   f32 or f16
const ITEMS_PER_INVOCATION: u32 = 16u;
struct Params { n: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<Act>>;
@group(0) @binding(1) var<storage, read> mask: array<vec4<Mask>>;
@group(0) @binding(2) var<storage, read_write> result: array<vec4<Act>>;
@group(0) @binding(3) var<uniform> params: Params;

fn quad(i: u32) -> vec4<f32> {
  return vec4<f32>(x[i]) * vec4<f32>(mask[i]) * params.scale;
}
