// y = a b (+ bias), by tiles in workgroup memory: X x Y invocations make a tile of 4 ROW_QUADS Y rows by 4 COLUMN_QUADS X
// columns, each of them 4 ROW_QUADS by 4 COLUMN_QUADS results.
// For adapters with caches and no dear loads, and for those without subgroups of one fixed size.
//!include "lib/index.wgsl"
//!include "lib/gemm.wgsl"
const X: u32 = 8u;                       //!spec   invocations along the columns
const Y: u32 = 8u;                       //!spec   and along the rows
const ROW_QUADS: u32 = 2u;               //!spec   rows of an invocation, in fours
const COLUMN_QUADS: u32 = 1u;            //!spec

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;        // anything when has_bias is 0
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

const LANES: u32 = X * Y;
const TILE_K: u32 = 16u;
const QUADS_M: u32 = Y * ROW_QUADS;      // of the tile
const QUADS_N: u32 = X * COLUMN_QUADS;
const RESULTS: u32 = 4u * ROW_QUADS * COLUMN_QUADS;               // of an invocation, in fours
var<workgroup> a_tile: array<vec4<f32>, TILE_K * QUADS_M>;        // [k, row / 4]
var<workgroup> b_tile: array<vec4<f32>, TILE_K * QUADS_N>;        // [k, column / 4]

// (k, quad) of element e of a tile: neighbouring lanes load neighbours in memory, which lie along k or across it.
fn place(e: u32, quads: u32, along_k: bool) -> vec2<u32> {
  return select(vec2(e / quads, e % quads), vec2(e % TILE_K, e / TILE_K), along_k);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups);
  if (flat >= params.groups) {
    return;
  }
  let tile = tile_of(flat, params.tiles_m, params.tiles_n, params.batch.x * params.batch.y * params.batch.z);
  let row0 = tile.row * QUADS_M * 4u;
  let column0 = tile.column * QUADS_N * 4u;
  let a_at = batch_offset(tile.batch, params.batch, params.a_batch);
  let b_at = batch_offset(tile.batch, params.batch, params.b_batch);
  let tx = lane % X;
  let ty = lane / X;
  var total: array<vec4<f32>, RESULTS>;  // [row, quad of columns]
  let k_last = min((tile.split + 1u) * params.split_k, params.k);
  for (var k_block = tile.split * params.split_k; k_block < k_last; k_block += BLOCK) {
    var acc = array<vec4<f32>, RESULTS>();
    let k_end = min(k_block + BLOCK, k_last);
    for (var k0 = k_block; k0 < k_end; k0 += TILE_K) {
      workgroupBarrier();
      // Indices beyond an edge are clamped: rows and columns there are not stored, terms there are set to zero.
      for (var e = lane; e < TILE_K * QUADS_M; e += LANES) {
        let at = place(e, QUADS_M, params.a_col == 1u);
        let k = k0 + at.x;
        let i = min(vec4(row0 + at.y * 4u) + vec4(0u, 1u, 2u, 3u), vec4(params.m - 1u)) * params.a_row
          + a_at + min(k, k_end - 1u) * params.a_col;
        a_tile[at.x * QUADS_M + at.y] = select(vec4(0.0), vec4(a[i.x], a[i.y], a[i.z], a[i.w]), k < k_end);
      }
      for (var e = lane; e < TILE_K * QUADS_N; e += LANES) {
        let at = place(e, QUADS_N, params.b_row == 1u);
        let k = k0 + at.x;
        let i = min(vec4(column0 + at.y * 4u) + vec4(0u, 1u, 2u, 3u), vec4(params.n - 1u)) * params.b_col
          + b_at + min(k, k_end - 1u) * params.b_row;
        b_tile[at.x * QUADS_N + at.y] = select(vec4(0.0), vec4(b[i.x], b[i.y], b[i.z], b[i.w]), k < k_end);
      }
      workgroupBarrier();
      for (var k = 0u; k < TILE_K; k++) {
        var rows: array<vec4<f32>, ROW_QUADS>;
        for (var p = 0u; p < ROW_QUADS; p++) {  //!unroll
          rows[p] = a_tile[k * QUADS_M + ty * ROW_QUADS + p];
        }
        for (var q = 0u; q < COLUMN_QUADS; q++) {  //!unroll
          let quad = b_tile[k * QUADS_N + tx + q * X];
          for (var p = 0u; p < ROW_QUADS; p++) {  //!unroll
            for (var r = 0u; r < 4u; r++) {  //!unroll
              acc[(p * 4u + r) * COLUMN_QUADS + q] = fma(vec4(rows[p][r]), quad, acc[(p * 4u + r) * COLUMN_QUADS + q]);
            }
          }
        }
      }
    }
    for (var r = 0u; r < RESULTS; r++) {  //!unroll
      total[r] += acc[r];
    }
  }
  // A copy to be indexed by a variable: the sums themselves can then stay in registers.
  var result: array<vec4<f32>, RESULTS>;
  for (var r = 0u; r < RESULTS; r++) {  //!unroll
    result[r] = total[r];
  }
  let y_at = tile.split * params.y_split + tile.batch * params.y_batch;
  for (var r = 0u; r < 4u * ROW_QUADS; r++) {
    let row = row0 + ty * 4u * ROW_QUADS + r;
    if (row < params.m) {
      for (var c = 0u; c < 4u * COLUMN_QUADS; c++) {
        let j = column0 + (c / 4u * X + tx) * 4u + c % 4u;
        if (j < params.n) {
          var value = result[r * COLUMN_QUADS + c / 4u][c % 4u];
          if (params.has_bias != 0u) {
            value += bias[row * params.bias_row + j * params.bias_col];
          }
          y[y_at + row * params.y_row + j * params.y_col] = value;
        }
      }
    }
  }
}
