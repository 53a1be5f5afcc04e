// y of x [planes, H, W] resampled to [planes, OH, OW].
//!include "lib/elements.wgsl"
//!include "lib/upsample.wgsl"
const ITEMS_PER_INVOCATION: u32 = 4u;
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn row_value(base: u32, c: Taps) -> f32 {
  if (BILINEAR) {
    return (1.0 - c.share) * x[base + c.low] + c.share * x[base + c.high];
  }
  return x[base + c.low];
}

fn element(i: u32) {
  let size = params.input;
  let r = taps(i / params.output.y % params.output.x, size.x, params.output.x, params.ratio.x);
  let c = taps(i % params.output.y, size.y, params.output.y, params.ratio.y);
  let plane = i / (params.output.x * params.output.y) * size.x;
  if (BILINEAR) {
    y[i] = (1.0 - r.share) * row_value((plane + r.low) * size.y, c) + r.share * row_value((plane + r.high) * size.y, c);
  } else {
    y[i] = row_value((plane + r.low) * size.y, c);
  }
}
