// y = x · keep / (1 - p), keep drawn from Philox: key (seed, stream), counter (step, element / 4). An invocation takes the
// four numbers of one block. Running it on dy gives the gradient: the mask is drawn again, not stored.
//!include "lib/index.wgsl"
//!include "lib/philox.wgsl"
struct Params { n: u32, seed: u32, stream: u32, p: f32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> step: array<u32>;              // [1]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let block = flat_group(group, groups) * 64u + lane;
  let first = block * 4u;
  if (first >= params.n) {
    return;
  }
  let random = philox4x32(vec4(block, step[0], params.stream, 0u), vec2(params.seed, DROPOUT_STREAM));
  for (var k = 0u; k < 4u; k++) {
    let i = first + k;
    if (i < params.n) {
      y[i] = select(0.0, x[i] * params.scale, uniform01(random[k]) >= params.p);
    }
  }
}

const DROPOUT_STREAM: u32 = 4u;          // `dropout` in src/tensor/philox.ts
