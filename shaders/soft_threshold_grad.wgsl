// dx = dy where |x| > d, else 0.
//!include "lib/elements.wgsl"
//!include "lib/nonfinite.wgsl"
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> d: array<f32>;           // [1]
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

fn element(i: u32) {
  let threshold = d[0];
  dx[i] = select(0.0, dy[i], abs(x[i]) > threshold || is_nan(x[i]) || is_nan(threshold));
}
