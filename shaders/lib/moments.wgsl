// Count, mean and sum of squared deviations of a set of numbers, and how two sets become one (Chan et al. 1983).
struct Moments {
  count: f32,
  mean: f32,
  m2: f32,
}

fn merge_moments(a: Moments, b: Moments) -> Moments {
  let count = a.count + b.count;
  let share = b.count / max(count, 1.0);
  let d = b.mean - a.mean;
  return Moments(count, a.mean + d * share, a.m2 + b.m2 + d * d * a.count * share);
}

var<workgroup> moments_shared: array<Moments, 64>;

// Of all 64 invocations, in a fixed order: eight join eight each and the first joins those, since two barriers cost less
// than the six of a tree. Valid in invocation 0.
fn workgroup_moments(own: Moments, lane: u32) -> Moments {
  moments_shared[lane] = own;
  workgroupBarrier();
  var joined = own;
  if (lane < 8u) {
    for (var k = lane + 8u; k < 64u; k += 8u) {
      joined = merge_moments(joined, moments_shared[k]);
    }
    moments_shared[lane] = joined;
  }
  workgroupBarrier();
  if (lane == 0u) {
    for (var k = 1u; k < 8u; k++) {
      joined = merge_moments(joined, moments_shared[k]);
    }
  }
  return joined;
}
