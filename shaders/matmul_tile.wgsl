// y = a b (+ bias) by the tiles of lib/tile_product.wgsl. A matrix is contiguous along the terms of the sum (ALONG) or across
// them; across, four numbers are one load where the sizes allow (WIDE).
//!include "lib/index.wgsl"
//!include "lib/gemm.wgsl"
//!include "lib/tile_product.wgsl"
alias A = f32;                           //!spec   numbers of a loaded at once; vec4 where A_WIDE
alias B = f32;                           //!spec
alias Result = f32;                      //!spec   numbers of y stored at once; vec4 where Y_WIDE
const A_WIDE: bool = false;              //!spec
const B_WIDE: bool = false;              //!spec
const Y_WIDE: bool = false;              //!spec
fn from_a(v: A) -> vec4<f32> { return vec4(f32(v)); }         //!spec
fn from_b(v: B) -> vec4<f32> { return vec4(f32(v)); }         //!spec
fn to_y(v: vec4<f32>) -> Result { return Result(v.x); }       //!spec

@group(0) @binding(0) var<storage, read> a: array<A>;
@group(0) @binding(1) var<storage, read> b: array<B>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;        // [n]; anything when has_bias is 0
@group(0) @binding(3) var<storage, read_write> y: array<Result>;  // y_col is 1
@group(0) @binding(4) var<uniform> params: Params;

const A_UNIT: u32 = select(1u, 4u, A_WIDE);                       // numbers of an element of a
const B_UNIT: u32 = select(1u, 4u, B_WIDE);

// Strides in elements of the arrays, and what an invocation fetches next.
var<private> a_term: u32;
var<private> b_term: u32;
var<private> a_line: vec3<u32>;          // of one, two and three rows
var<private> b_line: vec3<u32>;
var<private> a_step: u32;                // of a stage
var<private> b_step: u32;
var<private> a_at: u32;
var<private> b_at: u32;
var<private> k_at: u32;                  // first term of the stage that is fetched
var<private> k_end: u32;
var<private> a_k: u32;                   // places of this invocation: its term in a stage
var<private> b_k: u32;

// No row or column is tested: WGSL lets an index lie outside of an array, and what is read there goes to results that are not stored.
fn fetch() {
  for (var i = 0u; i < A_LOADS; i++) {  //!unroll
    let to = a_place(0u, i);
    let at = a_at + to.x * a_term + to.y * a_line.x * (4u / A_UNIT);
    if (A_WIDE) {
      a_next[i] = from_a(a[at]);
    } else {
      a_next[i] = vec4(from_a(a[at]).x, from_a(a[at + a_line.x]).x, from_a(a[at + a_line.y]).x, from_a(a[at + a_line.z]).x);
    }
  }
  for (var i = 0u; i < B_LOADS; i++) {  //!unroll
    let to = b_place(0u, i);
    let at = b_at + to.x * b_term + to.y * b_line.x * (4u / B_UNIT);
    if (B_WIDE) {
      b_next[i] = from_b(b[at]);
    } else {
      b_next[i] = vec4(from_b(b[at]).x, from_b(b[at + b_line.x]).x, from_b(b[at + b_line.y]).x, from_b(b[at + b_line.z]).x);
    }
  }
  a_at += a_step;
  b_at += b_step;
  k_at += DEPTH;
}

// The stage that is stored was fetched last: k_at is past it.
fn a_stored(i: u32) -> vec4<f32> {
  return select(vec4(0.0), a_next[i], k_at + a_k + a_place(0u, i).x < k_end + DEPTH);
}
fn b_stored(i: u32) -> vec4<f32> {
  return select(vec4(0.0), b_next[i], k_at + b_k + b_place(0u, i).x < k_end + DEPTH);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let flat = flat_group(group, groups);
  if (flat >= p.groups) {
    return;
  }
  let tile = tile_of(flat, p.tiles_m, p.tiles_n, p.batch.x * p.batch.y * p.batch.z);
  let row0 = tile.row * QUADS_M * 4u;
  let column0 = tile.column * QUADS_N * 4u;
  a_term = p.a_col / A_UNIT;
  b_term = p.b_row / B_UNIT;
  a_step = DEPTH * a_term;
  b_step = DEPTH * b_term;
  // Wide, four rows or columns are one element.
  a_line = vec3(1u, 2u, 3u) * p.a_row;
  b_line = vec3(1u, 2u, 3u) * p.b_col;
  let a_first = a_place(lane, 0u);
  let b_first = b_place(lane, 0u);
  a_k = a_first.x;
  b_k = b_first.x;
  let a_start = (batch_offset(tile.batch, p.batch, p.a_batch) + (row0 + a_first.y * 4u) * p.a_row) / A_UNIT;
  let b_start = (batch_offset(tile.batch, p.batch, p.b_batch) + (column0 + b_first.y * 4u) * p.b_col) / B_UNIT;

  let k_first = tile.split * p.split_k;
  let k_last = min(k_first + p.split_k, p.k);
  k_at = k_first;
  k_end = k_last;
  a_at = a_start + (k_first + a_k) * a_term;
  b_at = b_start + (k_first + b_k) * b_term;
  sum_tile(lane, (k_last - k_first + DEPTH - 1u) / DEPTH);

  let column = column0 + lane % X * 4u;
  var added: array<vec4<f32>, COLUMN_QUADS>;
  for (var q = 0u; q < COLUMN_QUADS; q++) {  //!unroll
    for (var c = 0u; c < 4u; c++) {  //!unroll
      added[q][c] = select(0.0, bias[select(0u, column + q * X * 4u + c, p.has_bias != 0u)], p.has_bias != 0u);
    }
  }
  let row = row0 + lane / X * (4u * ROW_QUADS);
  var y_at = tile.split * p.y_split + tile.batch * p.y_batch + row * p.y_row + column;
  for (var r = 0u; r < 4u * ROW_QUADS; r++) {  //!unroll
    for (var q = 0u; q < COLUMN_QUADS; q++) {  //!unroll
      let v = tile_sum[r * COLUMN_QUADS + q] + added[q];
      let at = y_at + q * X * 4u;
      let left = select(0u, p.n - min(p.n, column + q * X * 4u), row + r < p.m);
      if (Y_WIDE) {
        if (left > 0u) {
          y[at / 4u] = to_y(v);
        }
      } else {
        for (var c = 0u; c < 4u; c++) {  //!unroll
          if (c < left) {
            y[at + c] = to_y(vec4(v[c]));
          }
        }
      }
    }
    y_at += p.y_row;
  }
}
