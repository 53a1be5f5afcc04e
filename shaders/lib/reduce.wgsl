// Sum over the 64 invocations of a workgroup in a fixed tree, so that equal inputs give equal bits.
var<workgroup> reduce_shared: array<f32, 64>;

fn workgroup_sum(value: f32, lane: u32) -> f32 {
  workgroupBarrier();
  reduce_shared[lane] = value;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half >>= 1u) {
    if (lane < half) {
      reduce_shared[lane] += reduce_shared[lane + half];
    }
    workgroupBarrier();
  }
  return reduce_shared[0];
}
