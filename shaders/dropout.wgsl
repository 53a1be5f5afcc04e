// y = x · mask / (1 - p), mask drawn from Philox: key (low word of the seed, dropout's stream), counter (element / 4, step,
// layer, high word of the seed). Four neighbours take the numbers of one block. Running it on dy gives the gradient:
// the mask is drawn again, not stored.
//!include "lib/quads.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/philox.wgsl"
const STREAM: u32 = 4u;                  //!spec   second word of the key
const ITEMS_PER_INVOCATION: u32 = 8u;
struct Params { n: u32, seed: vec2<u32>, layer: u32, p: f32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<Act>>;
@group(0) @binding(1) var<storage, read> step: array<u32>;              // [1]
@group(0) @binding(2) var<storage, read_write> result: array<vec4<Act>>;
@group(0) @binding(3) var<uniform> params: Params;

fn quad(i: u32) -> vec4<f32> {
  let v = vec4<f32>(x[i]);
  let u = philox4x32(vec4(i, step[0], params.layer, params.seed.y), vec2(params.seed.x, STREAM));
  let random = vec4(uniform01(u.x), uniform01(u.y), uniform01(u.z), uniform01(u.w));
  return select(dropped4(v), v * params.scale, random >= vec4(params.p));
}
