// y = a b (+ bias) on matrix units, from operands of f16 or f32 in memory, which are rounded to f16.
//!include "lib/index.wgsl"
//!include "lib/gemm.wgsl"
//!include "lib/matrix_product.wgsl"
alias A = vec4<u32>;         //!spec   f16, f32, or eight halves or four f32 where octets are aligned
alias B = vec4<u32>;         //!spec
alias Y = f32;               //!spec   f32 or f16, or a vec4 of these
const A_LINES: bool = false; //!spec
const B_LINES: bool = false; //!spec
const A_ACROSS: bool = false; //!spec
const B_ACROSS: bool = false; //!spec
const A_WIDTH: u32 = 8u;     //!spec   numbers of an A
const B_WIDTH: u32 = 8u;     //!spec

@group(0) @binding(0) var<storage, read> a: array<A>;
@group(0) @binding(1) var<storage, read> b: array<B>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;            // anything when has_bias is 0
@group(0) @binding(3) var<storage, read_write> y: array<Y>;
@group(0) @binding(4) var<uniform> params: Params;

// Eight numbers from `at` on, at a distance of `step` where they are single.
fn a_octet(at: u32, step: u32) -> vec4<u32> { return a[at]; }  //!spec
fn b_octet(at: u32, step: u32) -> vec4<u32> { return b[at]; }  //!spec
// Store the first `count` of four results.
fn put(at: u32, v: vec4<f32>, count: u32) -> u32 { y[at] = Y(v.x); if (count > 1u) { y[at + 1u] = Y(v.y); } if (count > 2u) { y[at + 2u] = Y(v.z); } if (count > 3u) { y[at + 3u] = Y(v.w); } return count; }  //!spec

var<private> a_at: array<u32, A_LOADS>;
var<private> b_at: array<u32, B_LOADS>;
var<private> a_col: u32;
var<private> b_row: u32;
var<private> y_at: u32;
var<private> row0: u32;
var<private> column0: u32;
var<private> y_from: u32;
var<private> bias_quad: vec4<f32>;
var<private> count: u32;                 // columns from the quad's first on

fn fetch() {
  for (var i = 0u; i < A_LOADS; i++) {  //!unroll
    a_next[i] = a_octet(a_at[i], a_col);
    a_at[i] += DEPTH * a_col / A_WIDTH;
  }
  for (var i = 0u; i < B_LOADS; i++) {  //!unroll
    b_next[i] = b_octet(b_at[i], b_row);
    b_at[i] += DEPTH * b_row / B_WIDTH;
  }
}
fn a_stored(i: u32) -> vec4<u32> {
  return a_next[i];
}
fn b_stored(i: u32) -> vec4<u32> {
  return b_next[i];
}

fn aim(column: u32) {
  let j = column0 + column;
  count = max(params.n, j) - j;
  y_from = y_at + j;
  bias_quad = vec4(0.0);
  if (params.has_bias != 0u) {
    bias_quad = vec4(bias[j], bias[j + 1u], bias[j + 2u], bias[j + 3u]);
  }
}
fn store(row: u32, v: vec4<f32>) {
  if (row0 + row < params.m && count > 0u) {
    _ = put(y_from + (row0 + row) * params.y_row, v + bias_quad, count);
  }
}

@compute @workgroup_size(LANES) @subgroup_size(S)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let flat = flat_group(group, groups);
  if (flat >= p.groups) {
    return;
  }
  let t = tile_of(flat, p.tiles_m, p.tiles_n, p.batch.x * p.batch.y * p.batch.z);
  row0 = t.row * ROWS;
  column0 = t.column * COLUMNS;
  y_at = t.split * p.y_split + t.batch * p.y_batch;
  a_col = p.a_col;
  b_row = p.b_row;
  let first = t.split * p.split_k;
  let a_from = batch_offset(t.batch, p.batch, p.a_batch);
  let b_from = batch_offset(t.batch, p.batch, p.b_batch);
  for (var i = 0u; i < A_LOADS; i++) {  //!unroll
    let at = a_corner(lane, i);
    a_at[i] = (a_from + (row0 + at.x) * p.a_row + (first + at.y) * p.a_col) / A_WIDTH;
  }
  for (var i = 0u; i < B_LOADS; i++) {  //!unroll
    let at = b_corner(lane, i);
    b_at[i] = (b_from + (column0 + at.x) * p.b_col + (first + at.y) * p.b_row) / B_WIDTH;
  }
  multiply(lane, min(p.split_k, p.k - first));
}
