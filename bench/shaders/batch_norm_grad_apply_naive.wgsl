// dx = weight · invstd · (dy - mean(dy) - xhat · mean(dy · xhat)), one element per invocation.
//!include "lib/elements.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, channels: u32, area: u32, count: u32 }   // count: values per channel
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> invstd: array<f32>;
@group(0) @binding(4) var<storage, read> weight: array<f32>;
@group(0) @binding(5) var<storage, read> dweight: array<f32>;
@group(0) @binding(6) var<storage, read> dbias: array<f32>;
@group(0) @binding(7) var<storage, read_write> dx: array<f32>;
@group(0) @binding(8) var<uniform> params: Params;

fn element(i: u32) {
  let c = i / params.area % params.channels;
  let count = f32(params.count);
  let xhat = (x[i] - mean[c]) * invstd[c];
  dx[i] = weight[c] * invstd[c] * (dy[i] - dbias[c] / count - xhat * dweight[c] / count);
}
