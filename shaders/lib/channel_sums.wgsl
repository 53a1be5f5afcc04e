// Sums over the 64 invocations of a workgroup, two at once, in a fixed order. Eight invocations add eight terms each and
// the first adds those: two barriers cost less than the six of a tree.
var<workgroup> sums_shared: array<vec2<f32>, 64>;

// Valid in invocation 0.
fn workgroup_sums(own: vec2<f32>, lane: u32) -> vec2<f32> {
  sums_shared[lane] = own;
  workgroupBarrier();
  var sum = own;
  if (lane < 8u) {
    for (var k = lane + 8u; k < 64u; k += 8u) {
      sum += sums_shared[k];
    }
    sums_shared[lane] = sum;
  }
  workgroupBarrier();
  if (lane == 0u) {
    for (var k = 1u; k < 8u; k++) {
      sum += sums_shared[k];
    }
  }
  return sum;
}
