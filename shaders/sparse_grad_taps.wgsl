// The gradient of x from the terms of sparse_grad_input.wgsl: each pixel of x adds those taps of its channel that a pixel of y has read
// it with, in order.
const LANES: u32 = 64u;        //!spec   lanes of a workgroup
alias Act = f32;               //!spec   element type of dx
const P: u32 = 4u;             //!spec   pixels of a lane
const EVEN: bool = false;      //!spec   the pixels fill all lanes

struct Params {
  plane: u32,                // pixels of an image of dx
  first: u32,                // first image
  channels: u32,
  each: u32,                 // channels of a workgroup
  z_image: u32,              // numbers of an image of z
  area: u32,                 // pixels of a plane of z
}
@group(0) @binding(0) var<storage, read> z: array<f32>;
@group(0) @binding(1) var<storage, read> ranges: array<vec2<u32>>;      // of each channel: first plane of z, end
@group(0) @binding(2) var<storage, read> taps: array<vec2<u32>>;        // of each plane of z: distance in it, bits
@group(0) @binding(3) var<storage, read> pixels: array<vec2<u32>>;      // of each pixel of dx: place in a plane of z, bits
@group(0) @binding(4) var<storage, read_write> dx: array<Act>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let image = group.z * params.z_image;
  var at: array<u32, P>;
  var inside: array<u32, P>;
  for (var p = 0u; p < P; p++) {  //!unroll
    let source = pixels[min((group.y * P + p) * LANES + lane, params.plane - 1u)];
    at[p] = image + source.x;
    inside[p] = source.y;
  }
  let last = min((group.x + 1u) * params.each, params.channels);
  for (var channel = group.x * params.each; channel < last; channel++) {
    let range = ranges[channel];
    var sums: array<f32, P>;
    for (var p = 0u; p < P; p++) {  //!unroll
      sums[p] = 0.0;
    }
    for (var k = range.x; k < range.y; k++) {
      let tap = taps[k];
      let distance = k * params.area - tap.x;
      for (var p = 0u; p < P; p++) {  //!unroll
        sums[p] += select(0.0, z[at[p] + distance], (inside[p] & tap.y) == tap.y);
      }
    }
    let start = ((params.first + group.z) * params.channels + channel) * params.plane;
    for (var p = 0u; p < P; p++) {  //!unroll
      let pixel = (group.y * P + p) * LANES + lane;
      if (EVEN || pixel < params.plane) {
        dx[start + pixel] = Act(sums[p]);
      }
    }
  }
}
