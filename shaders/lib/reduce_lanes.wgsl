// Reductions of a workgroup of 64 that serves `results` results at once: the lanes of result r are r, r + results, ..., so
// that neighbouring lanes read neighbouring results. A fixed tree: equal inputs give equal bits. Call it in uniform control flow.
var<workgroup> lanes_shared: array<f32, 64>;

fn lanes_sum(value: f32, lane: u32, results: u32) -> f32 {
  workgroupBarrier();
  lanes_shared[lane] = value;
  workgroupBarrier();
  for (var half = 32u; half >= results; half >>= 1u) {
    if (lane < half) {
      lanes_shared[lane] += lanes_shared[lane + half];
    }
    workgroupBarrier();
  }
  return lanes_shared[lane % results];
}

fn lanes_max(value: f32, lane: u32, results: u32) -> f32 {
  workgroupBarrier();
  lanes_shared[lane] = value;
  workgroupBarrier();
  for (var half = 32u; half >= results; half >>= 1u) {
    if (lane < half) {
      lanes_shared[lane] = max(lanes_shared[lane], lanes_shared[lane + half]);
    }
    workgroupBarrier();
  }
  return lanes_shared[lane % results];
}
