// losses = loss(x, goal) of each element; src/ops/mse_loss.ts and its neighbours have the functions.
//!include "lib/elements.wgsl"
//!include "lib/loss.wgsl"
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params { n: u32, inner: u32, count: u32, k: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> goal: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

fn loss(u: f32, t: f32, w: f32, k: f32) -> f32 { return u - t; }  //!spec

fn element(i: u32) {
  losses[i] = loss(x[i], goal[i], positive_weight(i), params.k);
}
