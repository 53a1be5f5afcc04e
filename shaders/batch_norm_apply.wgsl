// y = (x - mean) · scale + bias, optionally through ReLU. A workgroup works within one (image, channel) plane, eight
// elements per invocation.
//!include "lib/index.wgsl"
const RELU: bool = false;                //!spec
const AFFINE: bool = true;               //!spec
struct Params { channels: u32, area: u32, groups_per_plane: u32, planes: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> stats: array<f32>;             // [4, C]: mean, invstd, shift, mean - shift
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups);
  let plane = flat / params.groups_per_plane;
  if (plane >= params.planes) {
    return;
  }
  let c = plane % params.channels;
  var scale = stats[params.channels + c];
  var offset = 0.0;
  if (AFFINE) {
    scale *= weight[c];
    offset = bias[c];
  }
  let shift = stats[2u * params.channels + c];
  let mean = stats[3u * params.channels + c];
  let start = (flat % params.groups_per_plane) * 512u + lane;
  for (var k = 0u; k < 8u; k++) {
    let i = start + k * 64u;
    if (i < params.area) {
      let at = plane * params.area + i;
      let v = (x[at] - shift - mean) * scale + offset;
      y[at] = select(v, max(v, 0.0), RELU);
    }
  }
}
