// dlogits = dy · (p - target distribution) · scale, for mean (scale 1/rows), sum (1) or per-row upstream gradients.
// A target outside [0, classes) gives NaN.
//!include "lib/elements.wgsl"
const PER_ROW: bool = false;             //!spec   dy has one value per row
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params { n: u32, classes: u32, smoothing: f32, scale: f32, nan: u32 }
@group(0) @binding(0) var<storage, read> probability: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dlogits: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

fn element(i: u32) {
  let row = i / params.classes;
  let label = labels[row];
  let hit = select(0.0, 1.0 - params.smoothing, label == i32(i % params.classes));
  let gap = probability[i] - hit - params.smoothing / f32(params.classes);
  let legal = label >= 0 && u32(label) < params.classes;
  dlogits[i] = select(bitcast<f32>(params.nan), dy[select(0u, row, PER_ROW)] * params.scale * gap, legal);
}
