// y = a b (+ bias), by subgroups: lanes lie along the columns of y, each holds 16 rows by 8 columns of results. For one k a
// lane loads 8 values of b, and the subgroup loads 16 values of a between its lanes and hands them round by broadcast,
// which costs almost nothing next to a load: 128 multiply-adds for 8 + 16 / LANES loads.
enable subgroups;
//!include "lib/index.wgsl"
//!include "lib/gemm.wgsl"
const LANES: u32 = 8u;                   //!spec   subgroup size of the adapter; a workgroup is one subgroup

alias A = f32;                           //!spec   element type of a in memory
alias B = f32;                           //!spec   of b
alias Result = f32;                      //!spec   of y

@group(0) @binding(0) var<storage, read> a: array<A>;
@group(0) @binding(1) var<storage, read> b: array<B>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;        // anything when has_bias is 0
@group(0) @binding(3) var<storage, read_write> y: array<Result>;
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
        column[p] = f32(a[a_at[p] + k * params.a_col]);
      }
      let b_row = k * params.b_row;
      let b_low = vec4(f32(b[b_at[0] + b_row]), f32(b[b_at[1] + b_row]), f32(b[b_at[2] + b_row]), f32(b[b_at[3] + b_row]));
      let b_high = vec4(f32(b[b_at[4] + b_row]), f32(b[b_at[5] + b_row]), f32(b[b_at[6] + b_row]), f32(b[b_at[7] + b_row]));
      for (var r = 0u; r < ROWS; r++) {  //!unroll
        low[r] = fma(vec4(subgroupBroadcast(column[r / LANES], r % LANES)), b_low, low[r]);
        high[r] = fma(vec4(subgroupBroadcast(column[r / LANES], r % LANES)), b_high, high[r]);
      }
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
          y[y_at + row * params.y_row + j * params.y_col] = Result(value);
        }
      }
    }
  }
}
