// Gradient of a loss to one of its inputs: dy · slope(x, goal) · scale. For a mean, scale is 1 / n.
//!include "lib/elements.wgsl"
//!include "lib/loss.wgsl"
const ITEMS_PER_INVOCATION: u32 = 4u;
const EACH: bool = false;                //!spec   dy has one value per element
struct Params { n: u32, inner: u32, count: u32, k: f32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> goal: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

fn slope(u: f32, t: f32, w: f32, k: f32) -> f32 { return u - t; }  //!spec

fn element(i: u32) {
  dx[i] = dy[select(0u, i, EACH)] * params.scale * slope(x[i], goal[i], positive_weight(i), params.k);
}
