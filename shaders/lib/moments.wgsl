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

// Of all 64 invocations, in a fixed tree. Valid in invocation 0.
fn workgroup_moments(own: Moments, lane: u32) -> Moments {
  moments_shared[lane] = own;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half >>= 1u) {
    if (lane < half) {
      moments_shared[lane] = merge_moments(moments_shared[lane], moments_shared[lane + half]);
    }
    workgroupBarrier();
  }
  return moments_shared[0];
}
