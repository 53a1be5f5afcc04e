// y = x · keep / (1 - p), keep drawn from Philox: key (low word of the seed, dropout's stream), counter (element / 4, step,
// layer, high word of the seed). An invocation takes the four numbers of one block. Running it on dy gives the gradient:
// the mask is drawn again, not stored.
//!include "lib/index.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/philox.wgsl"
const DROPOUT_STREAM: u32 = 4u;          // `dropout` in src/tensor/philox.ts
struct Params { n: u32, seed: vec2<u32>, layer: u32, p: f32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> step: array<u32>;              // [1]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = flat_group(group, groups) * 64u + lane;
  if (i * 4u >= params.n) {
    return;
  }
  let u = philox4x32(vec4(i, step[0], params.layer, params.seed.y), vec2(params.seed.x, DROPOUT_STREAM));
  let random = vec4(uniform01(u.x), uniform01(u.y), uniform01(u.z), uniform01(u.w));
  let r = select(dropped4(x[i]), x[i] * params.scale, random >= vec4(params.p));
  if (i * 4u + 4u <= params.n) {
    y[i] = r;
  } else {
    for (var c = 0u; c < params.n % 4u; c++) {
      y[i][c] = r[c];
    }
  }
}
