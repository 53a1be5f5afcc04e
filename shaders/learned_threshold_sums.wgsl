// Learned thresholds, first half: sums over each segment of 1024 weights.
//   str:  sum g sign(theta) over |theta| > d
//   ltp:  sum g theta q,  sum q,  sum |theta|,  sum theta^2      with q = gate (1 - gate) / T
// Pairwise within the segment: q reaches 1 / (4 T), and layers have millions of weights.
//!include "lib/index.wgsl"
//!include "lib/segment.wgsl"
//!include "lib/ltp_gate.wgsl"
//!include "lib/sum_vec4.wgsl"
const LTP: bool = false;                 //!spec   false: STR
struct Params { segments: u32 }
@group(0) @binding(0) var<storage, read> gradient: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> latent: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> segment: array<Segment>;
@group(0) @binding(3) var<storage, read> hyper: Hyper;
@group(0) @binding(4) var<storage, read_write> sums: array<vec4<f32>>;       // [segments]
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let index = flat_group(group, groups);
  prunes = hyper.phase == PRUNE;
  let s = segment[min(index, params.segments - 1u)];
  let t = hyper.layers[s.layer].next;      // the last step left it, and this step's forward pass read it
  // Padding, which is zero, is read too: all loads are issued before the first is used.
  let first = min(index, params.segments - 1u) * 256u + lane;
  var theta: array<vec4<f32>, 4>;
  var g: array<vec4<f32>, 4>;
  for (var k = 0u; k < 4u; k++) {  //!unroll
    theta[k] = latent[first + k * 64u];
    g[k] = gradient[first + k * 64u];
  }
  var total = vec4(0.0);
  for (var k = 0u; k < 4u; k++) {  //!unroll
    if (LTP) {
      let open = gate(theta[k], t);
      let valid = vec4((k * 64u + lane) * 4u) + vec4(0u, 1u, 2u, 3u) < vec4(s.count);
      let q = select(vec4(0.0), open * (1.0 - open) / t.y, valid);
      total += vec4(dot(g[k] * theta[k], q), dot(q, vec4(1.0)), dot(abs(theta[k]), vec4(1.0)), dot(theta[k], theta[k]));
    } else {
      total.x += dot(select(vec4(0.0), g[k] * sign(theta[k]), abs(theta[k]) > vec4(t.x)), vec4(1.0));
    }
  }
  let sum = sum_vec4(total, lane);
  if (lane == 0u && index < params.segments) {
    sums[index] = sum;
  }
}
