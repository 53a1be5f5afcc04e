// y = a b (+ bias), one invocation per result: the twin that the fast kernels are checked and measured against.
//!include "lib/index.wgsl"
//!include "lib/gemm.wgsl"
alias A = f32;                           //!spec   element type of a in memory
alias B = f32;                           //!spec   of b
alias Result = f32;                      //!spec   of y

@group(0) @binding(0) var<storage, read> a: array<A>;
@group(0) @binding(1) var<storage, read> b: array<B>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;        // anything when has_bias is 0
@group(0) @binding(3) var<storage, read_write> y: array<Result>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  // Here a tile is one result.
  let products = params.batch.x * params.batch.y * params.batch.z;
  let tile = tile_of(flat_group(group, groups) * 64u + lane, params.m, params.n, products);
  if (tile.split > 0u) {
    return;
  }
  let a_at = batch_offset(tile.batch, params.batch, params.a_batch) + tile.row * params.a_row;
  let b_at = batch_offset(tile.batch, params.batch, params.b_batch) + tile.column * params.b_col;
  var total = 0.0;
  for (var k_block = 0u; k_block < params.k; k_block += BLOCK) {
    var sum = 0.0;
    let k_end = min(k_block + BLOCK, params.k);
    for (var k = k_block; k < k_end; k++) {
      sum = fma(f32(a[a_at + k * params.a_col]), f32(b[b_at + k * params.b_row]), sum);
    }
    total += sum;
  }
  if (params.has_bias != 0u) {
    total += bias[tile.row * params.bias_row + tile.column * params.bias_col];
  }
  y[tile.batch * params.y_batch + tile.row * params.y_row + tile.column * params.y_col] = Result(total);
}
