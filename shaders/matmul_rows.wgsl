// y = a b (+ bias) for an a of a few rows, by subgroups: each lane makes one column of y, in all ROWS rows. Of a, the lanes
// load S terms of each row between them and hand them round by broadcast; of b, a lane loads every element of its column
// once, which is the least there is to load.
enable subgroups;
//!include "lib/index.wgsl"
//!include "lib/gemm.wgsl"
const S: u32 = 8u;                       //!spec   subgroup size of the adapter; a workgroup is one subgroup
const ROWS: u32 = 1u;                    //!spec

alias A = f32;                           //!spec   element type of a in memory
alias B = f32;                           //!spec   of b
alias Result = f32;                      //!spec   of y

@group(0) @binding(0) var<storage, read> a: array<A>;
@group(0) @binding(1) var<storage, read> b: array<B>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;        // anything when has_bias is 0
@group(0) @binding(3) var<storage, read_write> y: array<Result>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(S)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(subgroup_invocation_id) lane: u32) {
  let flat = flat_group(group, groups);
  if (flat >= params.groups) {
    return;
  }
  let tile = tile_of(flat, params.tiles_m, params.tiles_n, params.batch.x * params.batch.y * params.batch.z);
  let row0 = tile.row * ROWS;
  let column = tile.column * S + lane;
  // Rows and columns beyond the edge read the last one; their results are not stored.
  let a_at = batch_offset(tile.batch, params.batch, params.a_batch);
  let b_at = batch_offset(tile.batch, params.batch, params.b_batch) + min(column, params.n - 1u) * params.b_col;
  var row_at: array<u32, ROWS>;
  for (var r = 0u; r < ROWS; r++) {  //!unroll
    row_at[r] = a_at + min(row0 + r, params.m - 1u) * params.a_row;
  }
  var total = array<f32, ROWS>();
  let k_last = min((tile.split + 1u) * params.split_k, params.k);
  for (var k_block = tile.split * params.split_k; k_block < k_last; k_block += BLOCK) {
    var sum = array<f32, ROWS>();        // zeroed by name: without it lavapipe keeps the sum of the turn before
    let k_end = min(k_block + BLOCK, k_last);
    let k_whole = k_block + (k_end - k_block) / S * S;
    for (var k = k_block; k < k_whole; k += S) {
      var terms: array<f32, ROWS>;
      for (var r = 0u; r < ROWS; r++) {  //!unroll
        terms[r] = f32(a[row_at[r] + (k + lane) * params.a_col]);
      }
      for (var i = 0u; i < S; i++) {  //!unroll
        let value = f32(b[b_at + (k + i) * params.b_row]);
        for (var r = 0u; r < ROWS; r++) {  //!unroll
          sum[r] = fma(subgroupBroadcast(terms[r], i), value, sum[r]);
        }
      }
    }
    for (var k = k_whole; k < k_end; k++) {
      let value = f32(b[b_at + k * params.b_row]);
      for (var r = 0u; r < ROWS; r++) {  //!unroll
        sum[r] = fma(f32(a[row_at[r] + k * params.a_col]), value, sum[r]);
      }
    }
    for (var r = 0u; r < ROWS; r++) {  //!unroll
      total[r] += sum[r];
    }
  }
  if (column >= params.n) {
    return;
  }
  let y_at = tile.split * params.y_split + tile.batch * params.y_batch + column * params.y_col;
  for (var r = 0u; r < ROWS; r++) {
    let row = row0 + r;
    if (row < params.m) {
      var value = total[r];
      if (params.has_bias != 0u) {
        value += bias[row * params.bias_row + column * params.bias_col];
      }
      y[y_at + row * params.y_row] = Result(value);
    }
  }
}
