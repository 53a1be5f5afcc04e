// Convolution by its definition, one invocation per output: the twin that tests and the bench compare with.
//!include "lib/index.wgsl"
alias Act = f32;             //!spec   element type of x and y in memory
struct Params {
  x_shape: vec4<u32>,        // N, C, H, W
  y_shape: vec4<u32>,        // N, O, OH, OW
  kernel: vec2<u32>,         // rows, columns; likewise below
  stride: vec2<u32>,
  padding: vec2<u32>,
  dilation: vec2<u32>,
  groups: u32,
  has_bias: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read> w: array<f32>;           // [O, C / groups, kh, kw]
@group(0) @binding(2) var<storage, read> b: array<f32>;           // [O]; anything when has_bias is 0
@group(0) @binding(3) var<storage, read_write> y: array<Act>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = flat_group(group, groups) * 64u + lane;
  let p = params;
  if (i >= p.y_shape.x * p.y_shape.y * p.y_shape.z * p.y_shape.w) {
    return;
  }
  let ox = i % p.y_shape.w;
  let oy = (i / p.y_shape.w) % p.y_shape.z;
  let o = (i / (p.y_shape.w * p.y_shape.z)) % p.y_shape.y;
  let n = i / (p.y_shape.w * p.y_shape.z * p.y_shape.y);
  let channels = p.x_shape.y / p.groups;
  let first = o / (p.y_shape.y / p.groups) * channels;
  var sum = 0.0;
  if (p.has_bias == 1u) {
    sum = b[o];
  }
  for (var c = 0u; c < channels; c++) {
    for (var ky = 0u; ky < p.kernel.x; ky++) {
      // Above the first row the subtraction wraps to a huge number, which is not below H either.
      let iy = oy * p.stride.x + ky * p.dilation.x - p.padding.x;
      for (var kx = 0u; kx < p.kernel.y; kx++) {
        let ix = ox * p.stride.y + kx * p.dilation.y - p.padding.y;
        if (iy < p.x_shape.z && ix < p.x_shape.w) {
          sum += f32(x[((n * p.x_shape.y + first + c) * p.x_shape.z + iy) * p.x_shape.w + ix])
               * w[((o * channels + c) * p.kernel.x + ky) * p.kernel.y + kx];
        }
      }
    }
  }
  y[i] = Act(sum);
}
