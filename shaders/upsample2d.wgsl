// y of x [planes, H, W] resampled to [planes, OH, OW].
//!include "lib/elements.wgsl"
//!include "lib/upsample.wgsl"
alias Act = f32;                         //!spec   element type of activations in memory
const ITEMS_PER_INVOCATION: u32 = 4u;
@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read_write> y: array<Act>;
@group(0) @binding(2) var<uniform> params: Params;

fn row_value(base: u32, c: Taps) -> f32 {
  if (BILINEAR) {
    return (1.0 - c.share) * f32(x[base + c.low]) + c.share * f32(x[base + c.high]);
  }
  return f32(x[base + c.low]);
}

fn element(i: u32) {
  let p = params;
  let size = p.input;
  let r = taps(i / p.output.y % p.output.x, size.x, p.output.x, p.ratio.x);
  let c = taps(i % p.output.y, size.y, p.output.y, p.ratio.y);
  let plane = i / (p.output.x * p.output.y) * size.x;
  if (BILINEAR) {
    y[i] = Act((1.0 - r.share) * row_value((plane + r.low) * size.y, c) + r.share * row_value((plane + r.high) * size.y, c));
  } else {
    y[i] = Act(row_value((plane + r.low) * size.y, c));
  }
}
