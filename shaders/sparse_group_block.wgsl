// The sparse-group soft threshold (lib/sparse_group.wgsl) of blocks along the outputs of x [outputs, inner]; an invocation holds a
// block. GRAD: its Jacobian times dy, where s is the factor of the group:
//   dx = s dy + u (u · dy) d2 sqrt(n) / ||u||^3      where |x| > d1 in a live group, else 0
//!include "lib/elements.wgsl"
//!include "lib/sparse_group.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
const GRAD: bool = false;                //!spec
struct Params { n: u32, outputs: u32, inner: u32, block: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;          // GRAD only; otherwise x
@group(0) @binding(2) var<storage, read> d1: array<f32>;          // [1]
@group(0) @binding(3) var<storage, read> d2: array<f32>;          // [1]
@group(0) @binding(4) var<storage, read_write> y: array<f32>;     // or dx
@group(0) @binding(5) var<uniform> params: Params;

fn element(i: u32) {
  prunes = true;
  let strip = i / params.inner;
  let first = strip * params.block;
  let size = min(params.block, params.outputs - first);
  let start = first * params.inner + i - strip * params.inner;
  var squares = 0.0;
  var along = 0.0;
  for (var j = 0u; j < size; j++) {
    let at = start + j * params.inner;
    let u = soft(x[at], d1[0]);
    squares += u * u;
    if (GRAD) {
      along += u * dy[at];
    }
  }
  let factor = group_factor(squares, size, d2[0]);
  let turn = group_turn(squares, size, d2[0], along);
  for (var j = 0u; j < size; j++) {
    let at = start + j * params.inner;
    let u = soft(x[at], d1[0]);
    if (GRAD) {
      y[at] = group_gradient(u, dy[at], factor, turn, abs(x[at]) > d1[0]);
    } else {
      y[at] = shrunk(u, factor);
    }
  }
}
