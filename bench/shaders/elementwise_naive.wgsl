// One element per invocation, one scalar load each: the twin of the vectorised pointwise kernels.
//!include "lib/elements.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
const OP: u32 = 0u;                      //!spec   0 copy a, 1 relu of a, 2 a + b, 3 a · b, 4 a where b > 0 (gradient of relu)
struct Params { n: u32, b_every: u32, b_size: u32 }     // element i takes b[i / b_every % b_size]
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

fn element(i: u32) {
  if (OP == 0u) {
    y[i] = a[i];
  } else if (OP == 1u) {
    y[i] = max(a[i], 0.0);
  } else {
    let v = b[i / params.b_every % params.b_size];
    if (OP == 2u) {
      y[i] = a[i] + v;
    } else if (OP == 3u) {
      y[i] = a[i] * v;
    } else {
      y[i] = select(0.0, a[i], v > 0.0);
    }
  }
}
