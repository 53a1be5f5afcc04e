// Each input element collects dy of the windows that chose it: a gather, so no two invocations write one place.
//!include "lib/index.wgsl"
struct Params { n: u32, in_size: vec2<u32>, out_size: vec2<u32>, window: vec2<u32>, stride: vec2<u32>, padding: vec2<u32> }
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> place: array<i32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = flat_group(group, groups) * 64u + lane;
  if (i >= params.n) {
    return;
  }
  let at = vec2(i / params.in_size.y % params.in_size.x, i % params.in_size.y);
  let plane = i / (params.in_size.x * params.in_size.y) * params.out_size.x * params.out_size.y;
  let here = i32(at.x * params.in_size.y + at.y);
  // Windows o with o · stride <= at + padding < o · stride + window.
  let shifted = at + params.padding;
  let first = (max(shifted + 1u, params.window) - params.window + params.stride - 1u) / params.stride;
  let last = min(shifted / params.stride + 1u, params.out_size);
  var sum = 0.0;
  for (var r = first.x; r < last.x; r++) {
    for (var c = first.y; c < last.y; c++) {
      let o = plane + r * params.out_size.y + c;
      if (place[o] == here) {
        sum += dy[o];
      }
    }
  }
  dx[i] = sum;
}
