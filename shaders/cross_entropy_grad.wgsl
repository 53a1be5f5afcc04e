// dlogits = dy · (p - target distribution) · scale, for mean (scale 1/rows), sum (1) or per-row upstream gradients.
// A target outside [0, classes) gives NaN.
//!include "lib/index.wgsl"
alias Act = f32;                         //!spec   element type of dlogits in memory
const PER_ROW: bool = false;             //!spec   dy has one value per row
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params { n: u32, classes: u32, smoothing: f32, scale: f32, nan: u32 }
@group(0) @binding(0) var<storage, read> probability: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dlogits: array<Act>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let first = flat_group(group, groups) * (64u * ITEMS_PER_INVOCATION) + lane;
  if (first >= p.n) {
    return;
  }
  // One division: the next element is 64 on.
  let step = vec2<u32>(64u / p.classes, 64u % p.classes);
  let spread = p.smoothing / f32(p.classes);
  var row = first / p.classes;
  var c = first % p.classes;
  var i: array<u32, ITEMS_PER_INVOCATION>;
  var place: array<vec2<u32>, ITEMS_PER_INVOCATION>;
  var chance: array<f32, ITEMS_PER_INVOCATION>;
  var label: array<i32, ITEMS_PER_INVOCATION>;
  var up: array<f32, ITEMS_PER_INVOCATION>;
  for (var t = 0u; t < ITEMS_PER_INVOCATION; t++) {  //!unroll
    let inside = first + t * 64u < p.n;
    i[t] = select(first, first + t * 64u, inside);
    place[t] = select(place[0], vec2<u32>(row, c), inside);
    chance[t] = probability[i[t]];
    label[t] = labels[place[t].x];
    up[t] = dy[select(0u, place[t].x, PER_ROW)];
    let next = c + step.y;
    row += step.x + select(0u, 1u, next >= p.classes);
    c = select(next, next - p.classes, next >= p.classes);
  }
  for (var t = 0u; t < ITEMS_PER_INVOCATION; t++) {  //!unroll
    let hit = select(0.0, 1.0 - p.smoothing, label[t] == i32(place[t].y));
    let gap = chance[t] - hit - spread;
    let legal = (label[t] >= 0) & (u32(label[t]) < p.classes);
    dlogits[i[t]] = Act(select(bitcast<f32>(p.nan), up[t] * p.scale * gap, legal));
  }
}
