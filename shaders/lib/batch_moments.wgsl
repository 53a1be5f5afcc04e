// Converts the moments of a channel relative to `shift` to batch norm's stats, and updates the running statistics.
//!include "lib/nonfinite.wgsl"
const TRACK: bool = true;                //!spec   update the running statistics

fn keep_moments(c: u32, m: Moments, shift: f32) {
  let variance = relu_of(m.m2 / m.count);
  keep_affine(c, shift, m.mean, inverseSqrt(variance + params.eps));
  if (TRACK) {
    let unbiased = variance * (m.count / max(m.count - 1.0, 1.0));
    running_mean[c] = (1.0 - params.momentum) * running_mean[c] + params.momentum * (shift + m.mean);
    running_var[c] = (1.0 - params.momentum) * running_var[c] + params.momentum * unbiased;
  }
}
