// Moments of a slice of channel c minus `shift`, which this invocation and its 63 neighbours share out. Blocks of 32 Items are
// summed relative to the mean so far, so that neither a large mean nor an outlier at the front cancels the variance away.
// The numbers of an Item are kept apart until the end.
fn channel_moments(c: u32, slice: u32, shift: f32, lane: u32) -> Moments {
  let p = params;
  var at = channel_walk(c, slice, lane);
  var count = 0.0;
  var mean = Item(0.0);
  var m2 = Item(0.0);
  if (at.i < at.end) {
    mean = Item(x[at.j]) - shift;
  }
  while (at.i < at.end) {
    var sum = Item(0.0);
    var square = Item(0.0);
    var block = 0.0;
    for (var k = 0u; k < 32u / TURNS && at.i < at.end; k++) {
      var v: array<Item, TURNS>;
      var inside: array<bool, TURNS>;
      for (var t = 0u; t < TURNS; t++) {  //!unroll
        inside[t] = (t == 0u) | (at.i < at.end);
        v[t] = Item(x[at.j]);
        at = channel_step(at, p);
      }
      for (var t = 0u; t < TURNS; t++) {  //!unroll
        let d = select(Item(0.0), v[t] - shift - mean, inside[t]);
        sum += d;
        square += d * d;
        block += select(0.0, 1.0, inside[t]);
      }
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
  return vec4<f32>(Item(x[c * params.area])).x;
}
