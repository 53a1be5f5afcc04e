// The sparse-group soft threshold (lib/sparse_group.wgsl) of the rows of x [rows, inner]; a workgroup handles a row. GRAD: its
// Jacobian times dy, as in sparse_group_block.wgsl.
//!include "lib/index.wgsl"
//!include "lib/sparse_group.wgsl"
//!include "lib/reduce_lanes.wgsl"
const GRAD: bool = false;                //!spec
struct Params { rows: u32, inner: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;          // GRAD only; otherwise x
@group(0) @binding(2) var<storage, read> d1: array<f32>;          // [1]
@group(0) @binding(3) var<storage, read> d2: array<f32>;          // [1]
@group(0) @binding(4) var<storage, read_write> y: array<f32>;     // or dx
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  prunes = true;
  let row = flat_group(group, groups);
  let start = row * params.inner;
  let end = select(start, start + params.inner, row < params.rows);
  var sum = 0.0;
  var dot = 0.0;
  for (var i = start + lane; i < end; i += 64u) {
    let u = soft(x[i], d1[0]);
    sum += u * u;
    if (GRAD) {
      dot += u * dy[i];
    }
  }
  let squares = lanes_sum(sum, lane, 1u);
  let along = lanes_sum(dot, lane, 1u);
  let factor = group_factor(squares, params.inner, d2[0]);
  let turn = group_turn(squares, params.inner, d2[0], along);
  for (var i = start + lane; i < end; i += 64u) {
    let u = soft(x[i], d1[0]);
    if (GRAD) {
      y[i] = group_gradient(u, dy[i], factor, turn, abs(x[i]) > d1[0]);
    } else {
      y[i] = shrunk(u, factor);
    }
  }
}
