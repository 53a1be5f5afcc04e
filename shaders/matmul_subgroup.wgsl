// y = a b (+ bias), by subgroups: lanes lie along the columns of y, each holds 16 rows by 8 columns of results. For one k a
// lane loads 8 values of b, and the subgroup loads 16 values of a between its lanes and hands them round by broadcast,
// which costs almost nothing next to a load: 128 multiply-adds for 8 + 16 / LANES loads.
enable subgroups;
//!include "lib/index.wgsl"
//!include "lib/gemm.wgsl"
const LANES: u32 = 8u;                   //!spec   subgroup size of the adapter; a workgroup is one subgroup

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;        // anything when has_bias is 0
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

const ROWS: u32 = 16u;
const COLUMNS: u32 = 8u;                 // per lane
const PARTS: u32 = (ROWS + LANES - 1u) / LANES;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(subgroup_invocation_id) lane: u32) {
  let flat = flat_group(group, groups);
  if (flat >= params.groups) {
    return;
  }
  let tile = tile_of(flat, params.tiles_m, params.tiles_n, params.batch.x * params.batch.y * params.batch.z);
  let row0 = tile.row * ROWS;
  let column0 = tile.column * LANES * COLUMNS + lane;
  // Rows and columns beyond the edge read the last one; their results are not stored.
  var a_at: array<u32, PARTS>;
  for (var p = 0u; p < PARTS; p++) {
    a_at[p] = batch_offset(tile.batch, params.batch, params.a_batch)
      + min(row0 + p * LANES + lane, params.m - 1u) * params.a_row;
  }
  var b_at: array<u32, COLUMNS>;
  for (var c = 0u; c < COLUMNS; c++) {
    b_at[c] = batch_offset(tile.batch, params.batch, params.b_batch)
      + min(column0 + c * LANES, params.n - 1u) * params.b_col;
  }
  var total_low = array<vec4<f32>, ROWS>();
  var total_high = array<vec4<f32>, ROWS>();
  let k_last = min((tile.split + 1u) * params.split_k, params.k);
  for (var k_block = tile.split * params.split_k; k_block < k_last; k_block += BLOCK) {
    var low = array<vec4<f32>, ROWS>();
    var high = array<vec4<f32>, ROWS>();
    let k_end = min(k_block + BLOCK, k_last);
    for (var k = k_block; k < k_end; k++) {
      var column: array<f32, PARTS>;
      for (var p = 0u; p < PARTS; p++) {
        column[p] = a[a_at[p] + k * params.a_col];
      }
      let r = k * params.b_row;
      let b_low = vec4(b[b_at[0] + r], b[b_at[1] + r], b[b_at[2] + r], b[b_at[3] + r]);
      let b_high = vec4(b[b_at[4] + r], b[b_at[5] + r], b[b_at[6] + r], b[b_at[7] + r]);
      low[0] = fma(vec4(subgroupBroadcast(column[0u / LANES], 0u % LANES)), b_low, low[0]);
      high[0] = fma(vec4(subgroupBroadcast(column[0u / LANES], 0u % LANES)), b_high, high[0]);
      low[1] = fma(vec4(subgroupBroadcast(column[1u / LANES], 1u % LANES)), b_low, low[1]);
      high[1] = fma(vec4(subgroupBroadcast(column[1u / LANES], 1u % LANES)), b_high, high[1]);
      low[2] = fma(vec4(subgroupBroadcast(column[2u / LANES], 2u % LANES)), b_low, low[2]);
      high[2] = fma(vec4(subgroupBroadcast(column[2u / LANES], 2u % LANES)), b_high, high[2]);
      low[3] = fma(vec4(subgroupBroadcast(column[3u / LANES], 3u % LANES)), b_low, low[3]);
      high[3] = fma(vec4(subgroupBroadcast(column[3u / LANES], 3u % LANES)), b_high, high[3]);
      low[4] = fma(vec4(subgroupBroadcast(column[4u / LANES], 4u % LANES)), b_low, low[4]);
      high[4] = fma(vec4(subgroupBroadcast(column[4u / LANES], 4u % LANES)), b_high, high[4]);
      low[5] = fma(vec4(subgroupBroadcast(column[5u / LANES], 5u % LANES)), b_low, low[5]);
      high[5] = fma(vec4(subgroupBroadcast(column[5u / LANES], 5u % LANES)), b_high, high[5]);
      low[6] = fma(vec4(subgroupBroadcast(column[6u / LANES], 6u % LANES)), b_low, low[6]);
      high[6] = fma(vec4(subgroupBroadcast(column[6u / LANES], 6u % LANES)), b_high, high[6]);
      low[7] = fma(vec4(subgroupBroadcast(column[7u / LANES], 7u % LANES)), b_low, low[7]);
      high[7] = fma(vec4(subgroupBroadcast(column[7u / LANES], 7u % LANES)), b_high, high[7]);
      low[8] = fma(vec4(subgroupBroadcast(column[8u / LANES], 8u % LANES)), b_low, low[8]);
      high[8] = fma(vec4(subgroupBroadcast(column[8u / LANES], 8u % LANES)), b_high, high[8]);
      low[9] = fma(vec4(subgroupBroadcast(column[9u / LANES], 9u % LANES)), b_low, low[9]);
      high[9] = fma(vec4(subgroupBroadcast(column[9u / LANES], 9u % LANES)), b_high, high[9]);
      low[10] = fma(vec4(subgroupBroadcast(column[10u / LANES], 10u % LANES)), b_low, low[10]);
      high[10] = fma(vec4(subgroupBroadcast(column[10u / LANES], 10u % LANES)), b_high, high[10]);
      low[11] = fma(vec4(subgroupBroadcast(column[11u / LANES], 11u % LANES)), b_low, low[11]);
      high[11] = fma(vec4(subgroupBroadcast(column[11u / LANES], 11u % LANES)), b_high, high[11]);
      low[12] = fma(vec4(subgroupBroadcast(column[12u / LANES], 12u % LANES)), b_low, low[12]);
      high[12] = fma(vec4(subgroupBroadcast(column[12u / LANES], 12u % LANES)), b_high, high[12]);
      low[13] = fma(vec4(subgroupBroadcast(column[13u / LANES], 13u % LANES)), b_low, low[13]);
      high[13] = fma(vec4(subgroupBroadcast(column[13u / LANES], 13u % LANES)), b_high, high[13]);
      low[14] = fma(vec4(subgroupBroadcast(column[14u / LANES], 14u % LANES)), b_low, low[14]);
      high[14] = fma(vec4(subgroupBroadcast(column[14u / LANES], 14u % LANES)), b_high, high[14]);
      low[15] = fma(vec4(subgroupBroadcast(column[15u / LANES], 15u % LANES)), b_low, low[15]);
      high[15] = fma(vec4(subgroupBroadcast(column[15u / LANES], 15u % LANES)), b_high, high[15]);
    }
    for (var i = 0u; i < ROWS; i++) {
      total_low[i] += low[i];
      total_high[i] += high[i];
    }
  }
  let y_at = tile.split * params.y_split + tile.batch * params.y_batch;
  for (var i = 0u; i < ROWS; i++) {
    let row = row0 + i;
    if (row < params.m) {
      for (var c = 0u; c < COLUMNS; c++) {
        let j = column0 + c * LANES;
        if (j < params.n) {
          var value = select(total_low[i][c % 4u], total_high[i][c % 4u], c >= 4u);
          if (params.has_bias != 0u) {
            value += bias[row * params.bias_row + j * params.bias_col];
          }
          y[y_at + row * params.y_row + j * params.y_col] = value;
        }
      }
    }
  }
}
