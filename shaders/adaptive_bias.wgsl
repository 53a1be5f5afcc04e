// Bias corrections of Adam under a loss scale, before the update: a step that the scale skipped leaves the moments, so it does not
// count. The host packs the corrections without skips. 1 - beta^t = 1 - exp(t log beta).
//!include "lib/hyper.wgsl"
//!include "lib/adaptive_numbers.wgsl"
@group(0) @binding(0) var<storage, read_write> hyper: Hyper;
@group(0) @binding(1) var<storage, read> scale: array<f32>;                  // [4]: see loss_scale_step.wgsl

// 1 - e^x for x <= 0, by its series near 0, where the difference cancels.
fn grown(x: f32) -> f32 {
  let series = -x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0))));
  return select(1.0 - exp(x), series, x > -0.125);
}

@compute @workgroup_size(1)
fn main() {
  let n = adaptive_of(hyper.layers[0]);
  let t = max(f32(hyper.step) + 1.0 - scale[3], 1.0);
  hyper.layers[0].next.y = hyper.lr / grown(t * n.log_beta1);
  hyper.layers[0].raw = inverseSqrt(grown(t * n.log_beta));
}
