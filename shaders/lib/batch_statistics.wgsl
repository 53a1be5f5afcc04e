// Batch norm's values per channel: stats [6, C], rows mean, invstd, shift, mean - shift, scale, offset, so that
// y = (x - shift - (mean - shift)) · scale + offset. Shift and relative mean are kept apart since their sum is rounded:
// subtracting one after the other keeps the digits of x where the mean is a thousand deviations.
const AFFINE: bool = true;               //!spec   weight and bias are given

fn keep_affine(c: u32, shift: f32, relative_mean: f32, invstd: f32) {
  let row = params.channels;
  stats[c] = shift + relative_mean;
  stats[row + c] = invstd;
  stats[2u * row + c] = shift;
  stats[3u * row + c] = relative_mean;
  stats[4u * row + c] = invstd;
  stats[5u * row + c] = 0.0;
  if (AFFINE) {
    stats[4u * row + c] = invstd * weight[c];
    stats[5u * row + c] = bias[c];
  }
}
