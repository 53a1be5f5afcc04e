// Gradient of a convolution with respect to its input, by definition: one invocation per element of dx gathers every
// output that read it.
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
@group(0) @binding(0) var<storage, read> dy: array<Act>;
@group(0) @binding(1) var<storage, read> w: array<f32>;           // [O, C / groups, kh, kw]
@group(0) @binding(2) var<storage, read_write> dx: array<Act>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = flat_group(group, groups) * 64u + lane;
  let p = params;
  if (i >= p.x_shape.x * p.x_shape.y * p.x_shape.z * p.x_shape.w) {
    return;
  }
  let ix = i % p.x_shape.w;
  let iy = (i / p.x_shape.w) % p.x_shape.z;
  let c = (i / (p.x_shape.w * p.x_shape.z)) % p.x_shape.y;
  let n = i / (p.x_shape.w * p.x_shape.z * p.x_shape.y);
  let channels = p.x_shape.y / p.groups;
  let outputs = p.y_shape.y / p.groups;
  let first = c / channels * outputs;
  var sum = 0.0;
  for (var o = first; o < first + outputs; o++) {
    for (var ky = 0u; ky < p.kernel.x; ky++) {
      // y row times the stride; wraps to a huge number when this tap lies below the first row.
      let sy = iy + p.padding.x - ky * p.dilation.x;
      for (var kx = 0u; kx < p.kernel.y; kx++) {
        let sx = ix + p.padding.y - kx * p.dilation.y;
        let oy = sy / p.stride.x;
        let ox = sx / p.stride.y;
        if (oy < p.y_shape.z && ox < p.y_shape.w && sy % p.stride.x == 0u && sx % p.stride.y == 0u
            && ky * p.dilation.x <= iy + p.padding.x && kx * p.dilation.y <= ix + p.padding.y) {
          sum += f32(dy[((n * p.y_shape.y + o) * p.y_shape.z + oy) * p.y_shape.w + ox])
               * w[((o * channels + c % channels) * p.kernel.x + ky) * p.kernel.y + kx];
        }
      }
    }
  }
  dx[i] = Act(sum);
}
