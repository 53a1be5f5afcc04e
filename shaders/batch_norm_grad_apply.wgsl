// dx of batch norm. Training: dx = weight · invstd · (dy - mean(dy) - xhat · mean(dy · xhat)); evaluation, where the
// statistics are constants: dx = weight · invstd · dy.
//!include "lib/index.wgsl"
const RELU: bool = false;                //!spec
const AFFINE: bool = true;               //!spec
const TRAINING: bool = true;             //!spec
struct Params { channels: u32, area: u32, groups_per_plane: u32, planes: u32, count: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> y: array<f32>;
@group(0) @binding(3) var<storage, read> stats: array<f32>;             // [4, C]: mean, invstd, shift, mean - shift
@group(0) @binding(4) var<storage, read> weight: array<f32>;
@group(0) @binding(5) var<storage, read> dweight: array<f32>;
@group(0) @binding(6) var<storage, read> dbias: array<f32>;
@group(0) @binding(7) var<storage, read_write> dx: array<f32>;
@group(0) @binding(8) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups);
  let plane = flat / params.groups_per_plane;
  if (plane >= params.planes) {
    return;
  }
  let c = plane % params.channels;
  let shift = stats[2u * params.channels + c];
  let mean = stats[3u * params.channels + c];
  let s = stats[params.channels + c];
  var scale = s;
  if (AFFINE) {
    scale *= weight[c];
  }
  var mean_dy = 0.0;
  var mean_dot = 0.0;
  if (TRAINING) {
    mean_dy = dbias[c] / f32(params.count);
    mean_dot = dweight[c] / f32(params.count) * s;
  }
  let start = (flat % params.groups_per_plane) * 512u + lane;
  for (var k = 0u; k < 8u; k++) {
    let i = start + k * 64u;
    if (i < params.area) {
      let at = plane * params.area + i;
      var g = dy[at];
      if (RELU) {
        g = select(0.0, g, y[at] > 0.0);
      }
      dx[at] = scale * (g - mean_dy - (x[at] - shift - mean) * mean_dot);
    }
  }
}
