// v = momentum · v + gradient + weight_decay · theta, one element per invocation: first of the unfused update's three.
//!include "lib/elements.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> gradient: array<f32>;
@group(0) @binding(1) var<storage, read> theta: array<f32>;
@group(0) @binding(2) var<storage, read_write> velocity: array<f32>;
@group(0) @binding(3) var<storage, read> hyper: array<f32>;       // lr, momentum, weight decay, threshold
@group(0) @binding(4) var<uniform> params: Params;

fn element(i: u32) {
  velocity[i] = hyper[1] * velocity[i] + gradient[i] + hyper[2] * theta[i];
}
