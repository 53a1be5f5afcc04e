// Gradient of a convolution with respect to its weight, by definition: one invocation per weight walks all outputs.
// Sums per image first, so that the rounding error stays small enough to compare with.
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
}
@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read> dy: array<Act>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;    // [O, C / groups, kh, kw]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = flat_group(group, groups) * 64u + lane;
  let p = params;
  let channels = p.x_shape.y / p.groups;
  if (i >= p.y_shape.y * channels * p.kernel.x * p.kernel.y) {
    return;
  }
  let kx = i % p.kernel.y;
  let ky = (i / p.kernel.y) % p.kernel.x;
  let c = (i / (p.kernel.y * p.kernel.x)) % channels;
  let o = i / (p.kernel.y * p.kernel.x * channels);
  let plane = o / (p.y_shape.y / p.groups) * channels + c;
  var sum = 0.0;
  for (var n = 0u; n < p.x_shape.x; n++) {
    var image = 0.0;
    for (var oy = 0u; oy < p.y_shape.z; oy++) {
      // Above the first row the subtraction wraps to a huge number, which is not below H either.
      let iy = oy * p.stride.x + ky * p.dilation.x - p.padding.x;
      for (var ox = 0u; ox < p.y_shape.w; ox++) {
        let ix = ox * p.stride.y + kx * p.dilation.y - p.padding.y;
        if (iy < p.x_shape.z && ix < p.x_shape.w) {
          image += f32(x[((n * p.x_shape.y + plane) * p.x_shape.z + iy) * p.x_shape.w + ix])
                 * f32(dy[((n * p.y_shape.y + o) * p.y_shape.z + oy) * p.y_shape.w + ox]);
        }
      }
    }
    sum += image;
  }
  dw[i] = sum;
}
