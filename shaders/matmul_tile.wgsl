// y = a b (+ bias), by tiles in workgroup memory: 64 invocations make a tile of 64 x 32 results, each 8 rows x 4 columns.
// For adapters with caches and no dear loads, and for those without subgroups of one fixed size.
//!include "lib/index.wgsl"
//!include "lib/gemm.wgsl"
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;        // anything when has_bias is 0
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

const TILE_M: u32 = 64u;
const TILE_N: u32 = 32u;
const TILE_K: u32 = 16u;
const QUADS_M: u32 = TILE_M / 4u;
const QUADS_N: u32 = TILE_N / 4u;
var<workgroup> a_tile: array<vec4<f32>, TILE_K * QUADS_M>;        // [k, row / 4]
var<workgroup> b_tile: array<vec4<f32>, TILE_K * QUADS_N>;        // [k, column / 4]

// (k, quad) of element e of a tile: neighbouring lanes load neighbours in memory, which lie along k or across it.
fn place(e: u32, quads: u32, along_k: bool) -> vec2<u32> {
  return select(vec2(e / quads, e % quads), vec2(e % TILE_K, e / TILE_K), along_k);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let flat = flat_group(group, groups);
  if (flat >= params.groups) {
    return;
  }
  let tile = tile_of(flat, params.tiles_m, params.tiles_n, params.batch.x * params.batch.y * params.batch.z);
  let row0 = tile.row * TILE_M;
  let column0 = tile.column * TILE_N;
  let a_at = batch_offset(tile.batch, params.batch, params.a_batch);
  let b_at = batch_offset(tile.batch, params.batch, params.b_batch);
  let tx = lane % 8u;
  let ty = lane / 8u;
  var total = array<vec4<f32>, 8>();
  let k_last = min((tile.split + 1u) * params.split_k, params.k);
  for (var k_block = tile.split * params.split_k; k_block < k_last; k_block += BLOCK) {
    var acc = array<vec4<f32>, 8>();
    let k_end = min(k_block + BLOCK, k_last);
    for (var k0 = k_block; k0 < k_end; k0 += TILE_K) {
      workgroupBarrier();
      // Indices beyond an edge are clamped: rows and columns there are not stored, terms there are set to zero.
      for (var e = lane; e < TILE_K * QUADS_M; e += 64u) {
        let at = place(e, QUADS_M, params.a_col == 1u);
        let k = k0 + at.x;
        let i = min(vec4(row0 + at.y * 4u) + vec4(0u, 1u, 2u, 3u), vec4(params.m - 1u)) * params.a_row
          + a_at + min(k, k_end - 1u) * params.a_col;
        a_tile[at.x * QUADS_M + at.y] = select(vec4(0.0), vec4(a[i.x], a[i.y], a[i.z], a[i.w]), k < k_end);
      }
      for (var e = lane; e < TILE_K * QUADS_N; e += 64u) {
        let at = place(e, QUADS_N, params.b_row == 1u);
        let k = k0 + at.x;
        let i = min(vec4(column0 + at.y * 4u) + vec4(0u, 1u, 2u, 3u), vec4(params.n - 1u)) * params.b_col
          + b_at + min(k, k_end - 1u) * params.b_row;
        b_tile[at.x * QUADS_N + at.y] = select(vec4(0.0), vec4(b[i.x], b[i.y], b[i.z], b[i.w]), k < k_end);
      }
      workgroupBarrier();
      for (var k = 0u; k < TILE_K; k++) {
        let a_low = a_tile[k * QUADS_M + ty * 2u];
        let a_high = a_tile[k * QUADS_M + ty * 2u + 1u];
        let q = b_tile[k * QUADS_N + tx];
        acc[0] = fma(vec4(a_low.x), q, acc[0]);
        acc[1] = fma(vec4(a_low.y), q, acc[1]);
        acc[2] = fma(vec4(a_low.z), q, acc[2]);
        acc[3] = fma(vec4(a_low.w), q, acc[3]);
        acc[4] = fma(vec4(a_high.x), q, acc[4]);
        acc[5] = fma(vec4(a_high.y), q, acc[5]);
        acc[6] = fma(vec4(a_high.z), q, acc[6]);
        acc[7] = fma(vec4(a_high.w), q, acc[7]);
      }
    }
    for (var r = 0u; r < 8u; r++) {
      total[r] += acc[r];
    }
  }
  let y_at = tile.split * params.y_split + tile.batch * params.y_batch;
  for (var r = 0u; r < 8u; r++) {
    let row = row0 + ty * 8u + r;
    if (row < params.m) {
      for (var c = 0u; c < 4u; c++) {
        let j = column0 + tx * 4u + c;
        if (j < params.n) {
          var value = total[r][c];
          if (params.has_bias != 0u) {
            value += bias[row * params.bias_row + j * params.bias_col];
          }
          y[y_at + row * params.y_row + j * params.y_col] = value;
        }
      }
    }
  }
}
