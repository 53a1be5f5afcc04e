// y = x · mask / (1 - p) with one mask value per sample: rows of `row` elements, row r drawn like element r of dropout.wgsl.
// Running it on dy gives the gradient: the numbers are drawn again, not stored.
//!include "lib/quads.wgsl"
//!include "lib/philox.wgsl"
const STREAM: u32 = 4u;                  //!spec   second word of the key
const WHOLE: bool = false;               //!spec   whether rows are whole quads
const ITEMS_PER_INVOCATION: u32 = 8u;
struct Params { n: u32, row: u32, seed: vec2<u32>, layer: u32, p: f32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<Act>>;
@group(0) @binding(1) var<storage, read> step: array<u32>;              // [1]
@group(0) @binding(2) var<storage, read_write> result: array<vec4<Act>>;
@group(0) @binding(3) var<uniform> params: Params;

fn factor(r: u32) -> f32 {
  let u = philox4x32(vec4(r / 4u, step[0], params.layer, params.seed.y), vec2(params.seed.x, STREAM));
  return select(0.0, params.scale, uniform01(u[r % 4u]) >= params.p);
}

fn quad(i: u32) -> vec4<f32> {
  if (WHOLE) {
    let f = factor(i / (params.row / 4u));
    return select(vec4<f32>(x[i]) * f, vec4(0.0), vec4(f == 0.0));
  }
  // Four neighbours are mostly in one row.
  var r = i * 4u / params.row;
  var f = factor(r);
  var v = vec4<f32>(x[i]);
  let count = min(4u, params.n - i * 4u);
  for (var c = 0u; c < count; c++) {
    let own = (i * 4u + c) / params.row;
    if (own != r) {
      r = own;
      f = factor(r);
    }
    v[c] = select(v[c] * f, 0.0, f == 0.0);
  }
  return v;
}
