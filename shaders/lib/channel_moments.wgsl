// Moments of Items first .. end of channel c (as channel_walk counts them) minus `shift`, which this invocation and its
// 63 neighbours share out. Blocks of 32 are summed relative to the mean so far, so that neither a large mean nor an
// outlier at the front cancels the variance away. The numbers of an Item are kept apart until the end.
fn channel_moments(c: u32, first: u32, end: u32, shift: f32, lane: u32) -> Moments {
  var i = first + lane;
  var at = channel_walk(c, i);
  var count = 0.0;
  var mean = Item(0.0);
  var m2 = Item(0.0);
  if (i < end) {
    mean = x[at.j] - shift;
  }
  while (i < end) {
    var sum = Item(0.0);
    var square = Item(0.0);
    var block = 0.0;
    for (var k = 0u; k < 32u && i < end; k++) {
      let v = x[at.j] - shift - mean;
      sum += v;
      square += v * v;
      block += 1.0;
      at = channel_step(at);
      i += 64u;
    }
    let d = sum / block;
    let share = block / (count + block);
    m2 += max(square - sum * d, Item(0.0)) + d * d * (count * share);
    mean += d * share;
    count += block;
  }
  let middle = item_total(mean) / ITEM_WIDTH;
  let apart = mean - middle;
  return Moments(count * ITEM_WIDTH, middle, item_total(m2) + count * item_total(apart * apart));
}

// The channel's first number: near enough to its mean for the digits of x - shift to last.
fn channel_shift(c: u32) -> f32 {
  return vec4<f32>(x[c * params.area]).x;
}
