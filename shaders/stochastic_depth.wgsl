// y = x · keep / (1 - p) with one keep for each sample: rows of `row` elements, row r drawn as element r of dropout.wgsl is.
// Running it on dy gives the gradient: the lot is drawn again, not stored.
//!include "lib/index.wgsl"
//!include "lib/philox.wgsl"
const DROPOUT_STREAM: u32 = 4u;          // `dropout` in src/tensor/philox.ts; layers have numbers of their own
struct Params { n: u32, row: u32, seed: vec2<u32>, layer: u32, p: f32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> step: array<u32>;              // [1]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

fn factor(r: u32) -> f32 {
  let u = philox4x32(vec4(r / 4u, step[0], params.layer, params.seed.y), vec2(params.seed.x, DROPOUT_STREAM));
  return select(0.0, params.scale, uniform01(u[r % 4u]) >= params.p);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = flat_group(group, groups) * 64u + lane;
  if (i * 4u >= params.n) {
    return;
  }
  // Four neighbours mostly lie in one row.
  var r = i * 4u / params.row;
  var f = factor(r);
  var v = x[i];
  let count = min(4u, params.n - i * 4u);
  for (var c = 0u; c < count; c++) {
    let own = (i * 4u + c) / params.row;
    if (own != r) {
      r = own;
      f = factor(r);
    }
    v[c] = select(v[c] * f, 0.0, f == 0.0);
  }
  if (count == 4u) {
    y[i] = v;
  } else {
    for (var c = 0u; c < count; c++) {
      y[i][c] = v[c];
    }
  }
}
