// What batch norm keeps of a channel's moments; their mean is relative to `shift`. Shift and relative mean are kept apart
// too: their sum is rounded, and subtracting one after the other keeps the digits of x where the mean is a thousand deviations.
fn keep_statistics(c: u32, m: Moments, shift: f32) {
  let mean = shift + m.mean;
  let variance = max(m.m2 / m.count, 0.0);
  stats[c] = mean;
  stats[params.channels + c] = inverseSqrt(variance + params.eps);
  stats[2u * params.channels + c] = shift;
  stats[3u * params.channels + c] = m.mean;
  if (TRACK) {
    let unbiased = variance * (m.count / max(m.count - 1.0, 1.0));
    running_mean[c] = (1.0 - params.momentum) * running_mean[c] + params.momentum * mean;
    running_var[c] = (1.0 - params.momentum) * running_var[c] + params.momentum * unbiased;
  }
}
