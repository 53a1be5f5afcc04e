// Each input element collects its share of dy from every window that covers it.
//!include "lib/index.wgsl"
const COUNT_PADDING: bool = true;        //!spec
struct Params { n: u32, in_size: vec2<u32>, out_size: vec2<u32>, window: vec2<u32>, stride: vec2<u32>, padding: vec2<u32> }
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> dx: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = flat_group(group, groups) * 64u + lane;
  if (i >= params.n) {
    return;
  }
  let at = vec2(i / params.in_size.y % params.in_size.x, i % params.in_size.y);
  let plane = i / (params.in_size.x * params.in_size.y) * params.out_size.x * params.out_size.y;
  let shifted = at + params.padding;
  let begin = (max(shifted + 1u, params.window) - params.window + params.stride - 1u) / params.stride;
  let finish = min(shifted / params.stride + 1u, params.out_size);
  var sum = 0.0;
  for (var r = begin.x; r < finish.x; r++) {
    for (var c = begin.y; c < finish.y; c++) {
      let corner = vec2<i32>(vec2(r, c) * params.stride) - vec2<i32>(params.padding);
      let end = min(corner + vec2<i32>(params.window), vec2<i32>(params.in_size + params.padding));
      let inside = min(end, vec2<i32>(params.in_size)) - max(corner, vec2(0));
      let extent = select(inside, end - corner, COUNT_PADDING);
      sum += dy[plane + r * params.out_size.y + c] / f32(extent.x * extent.y);
    }
  }
  dx[i] = sum;
}
