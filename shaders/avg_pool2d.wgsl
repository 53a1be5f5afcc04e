// Mean of each window. The divisor counts the window within the padded input, or only what is inside the input.
//!include "lib/index.wgsl"
const COUNT_PADDING: bool = true;        //!spec
struct Params { n: u32, in_size: vec2<u32>, out_size: vec2<u32>, window: vec2<u32>, stride: vec2<u32>, padding: vec2<u32> }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = flat_group(group, groups) * 64u + lane;
  if (i >= params.n) {
    return;
  }
  let out = vec2(i / params.out_size.y % params.out_size.x, i % params.out_size.y);
  let plane = i / (params.out_size.x * params.out_size.y) * params.in_size.x * params.in_size.y;
  let corner = vec2<i32>(out * params.stride) - vec2<i32>(params.padding);
  let end = min(corner + vec2<i32>(params.window), vec2<i32>(params.in_size + params.padding));
  let first = vec2<u32>(max(corner, vec2(0)));
  let last = min(vec2<u32>(end), params.in_size);
  var sum = 0.0;
  for (var r = first.x; r < last.x; r++) {
    for (var c = first.y; c < last.y; c++) {
      sum += x[plane + r * params.in_size.y + c];
    }
  }
  let extent = select(vec2<i32>(last - first), end - corner, COUNT_PADDING);
  y[i] = sum / f32(extent.x * extent.y);
}
