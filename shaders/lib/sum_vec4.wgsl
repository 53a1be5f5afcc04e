// Sum over the 64 invocations of a workgroup, pairwise in a fixed tree: equal inputs give equal bits. Lane 0 has the result.
// Call it once, in uniform control flow.
var<workgroup> sum_vec4_shared: array<vec4<f32>, 64>;

fn sum_vec4(value: vec4<f32>, lane: u32) -> vec4<f32> {
  sum_vec4_shared[lane] = value;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      sum_vec4_shared[lane] += sum_vec4_shared[lane + half];
    }
  }
  return sum_vec4_shared[lane];
}
