// Moments of elements first .. end of channel c (as channel_walk counts them) minus `shift`, which this invocation and its
// 63 neighbours share out. Blocks of 32 are summed relative to the mean so far, so that neither a large mean nor an
// outlier at the front cancels the variance away.
fn channel_moments(c: u32, first: u32, end: u32, shift: f32, lane: u32) -> Moments {
  let stride = channel_walk(64u, params.area);
  var at = channel_walk(first + lane, params.area);
  var i = first + lane;
  var m = Moments(0.0, 0.0, 0.0);
  if (i < end) {
    m.mean = x[(at.n * params.channels + c) * params.area + at.p] - shift;
  }
  while (i < end) {
    var sum = 0.0;
    var square = 0.0;
    var count = 0.0;
    for (var k = 0u; k < 32u && i < end; k++) {
      let v = x[(at.n * params.channels + c) * params.area + at.p] - shift - m.mean;
      sum += v;
      square += v * v;
      count += 1.0;
      at = channel_step(at, stride, params.area);
      i += 64u;
    }
    let d = sum / count;
    m = merge_moments(m, Moments(count, m.mean + d, max(square - sum * d, 0.0)));
  }
  return m;
}
