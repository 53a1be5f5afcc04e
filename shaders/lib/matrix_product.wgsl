// The main loop of tiled products on matrix units: f16 operands, f32 sums. SUBGROUPS_M x SUBGROUPS_N subgroups of S lanes share a
// tile of the result; each has MATRICES_M x MATRICES_N matrices of M x N sums in registers. Both operands pass through workgroup
// memory, DEPTH terms at a time, as octets: vec4<u32> of eight halves. The loads of a stage are issued before the products of
// the one before.
// The including kernel declares
//   fetch()        sets a_next and b_next to octets of the next stage, from the first on. It runs once more than there are stages.
//   a_stored(i), b_stored(i)   return octet i for workgroup memory.
//   aim(column)    prepares storing of four columns of the tile, from this one on.
//   store(row, v)  takes the four results of a row.
//   A_LINES, B_LINES, A_ACROSS, B_ACROSS   An octet holds eight terms of one line (a row of a, a column of b), or with LINES eight
//                  lines of one term. Neighbouring invocations fetch neighbouring octets along the terms, or with LINES along the
//                  lines; with ACROSS the other way round.
//!include "lib/subgroup_matrix.wgsl"
const M: u32 = 16u;                      //!spec   what the adapter multiplies: [M, K] by [K, N]
const N: u32 = 16u;                      //!spec
const K: u32 = 16u;                      //!spec
const S: u32 = 32u;                      //!spec   lanes of a subgroup
const MATRICES_M: u32 = 2u;              //!spec   of a subgroup
const MATRICES_N: u32 = 4u;              //!spec
const SUBGROUPS_M: u32 = 2u;             //!spec   of a workgroup
const SUBGROUPS_N: u32 = 2u;             //!spec
const DEPTH: u32 = 32u;                  //!spec   terms of a stage
const STORED: u32 = 4u;                  //!spec   matrices that a subgroup stores at once; divides MATRICES_N

const SUBGROUPS: u32 = SUBGROUPS_M * SUBGROUPS_N;
const LANES: u32 = S * SUBGROUPS;
const ROWS: u32 = M * MATRICES_M * SUBGROUPS_M;                       // of the tile
const COLUMNS: u32 = N * MATRICES_N * SUBGROUPS_N;
const A_LOADS: u32 = ROWS * DEPTH / 8u / LANES;                       // octets that an invocation fetches per stage
const B_LOADS: u32 = COLUMNS * DEPTH / 8u / LANES;
const_assert A_LOADS * LANES * 8u == ROWS * DEPTH;
const_assert B_LOADS * LANES * 8u == COLUMNS * DEPTH;
// Octets from one line (with LINES: one term) to the next. One more than they fill, so that lines begin at different banks.
const A_STRIDE: u32 = 1u + select(DEPTH, ROWS, A_LINES) / 8u;
const B_STRIDE: u32 = 1u + select(DEPTH, COLUMNS, B_LINES) / 8u;
const A_OCTETS: u32 = A_STRIDE * select(ROWS, DEPTH, A_LINES);
const B_OCTETS: u32 = B_STRIDE * select(COLUMNS, DEPTH, B_LINES);
const QUADS: u32 = N * STORED / 4u;      // of a row of results that is stored at once
const_assert S % QUADS == 0u;

var<workgroup> tile: array<vec4<u32>, max(A_OCTETS + B_OCTETS, SUBGROUPS * M * QUADS)>;
var<private> a_next: array<vec4<u32>, A_LOADS>;
var<private> b_next: array<vec4<u32>, B_LOADS>;

fn halves(v: vec4<f16>) -> vec2<u32> {
  return bitcast<vec2<u32>>(v);
}
fn octet(low: vec4<f32>, high: vec4<f32>) -> vec4<u32> {
  return vec4(halves(vec4<f16>(low)), halves(vec4<f16>(high)));
}

// Place of octet `load` of an invocation in its tile: x counts what lies at a distance of a stride, y the octets within.
fn place(lane: u32, load: u32, outer: u32, inner: u32, across: bool) -> vec2<u32> {
  let e = lane + load * LANES;
  return select(vec2(e / inner, e % inner), vec2(e % outer, e / outer), across);
}
fn a_place(lane: u32, load: u32) -> vec2<u32> {
  return place(lane, load, select(ROWS, DEPTH, A_LINES), A_STRIDE - 1u, A_ACROSS);
}
fn b_place(lane: u32, load: u32) -> vec2<u32> {
  return place(lane, load, select(COLUMNS, DEPTH, B_LINES), B_STRIDE - 1u, B_ACROSS);
}
// First line and first term of an octet.
fn a_corner(lane: u32, load: u32) -> vec2<u32> {
  let at = a_place(lane, load);
  return select(vec2(at.x, at.y * 8u), vec2(at.y * 8u, at.x), A_LINES);
}
fn b_corner(lane: u32, load: u32) -> vec2<u32> {
  let at = b_place(lane, load);
  return select(vec2(at.x, at.y * 8u), vec2(at.y * 8u, at.x), B_LINES);
}

// Return an octet without the terms from `terms` on.
fn cut(v: vec4<u32>, first: u32, terms: u32, lines: bool) -> vec4<u32> {
  let left = select(vec4<i32>(i32(terms) - i32(first)) - vec4(0, 2, 4, 6), vec4(select(0, 2, first < terms)), lines);
  return v & select(select(vec4(0u), vec4(0xffffu), left == vec4(1)), vec4(0xffffffffu), left >= vec4(2));
}

fn store_stage(lane: u32, terms: u32) {
  if (terms < DEPTH) {
    for (var i = 0u; i < A_LOADS; i++) {  //!unroll
      let at = a_place(lane, i);
      tile[at.x * A_STRIDE + at.y] = cut(a_stored(i), a_corner(lane, i).y, terms, A_LINES);
    }
    for (var i = 0u; i < B_LOADS; i++) {  //!unroll
      let at = b_place(lane, i);
      tile[A_OCTETS + at.x * B_STRIDE + at.y] = cut(b_stored(i), b_corner(lane, i).y, terms, B_LINES);
    }
  } else {
    for (var i = 0u; i < A_LOADS; i++) {  //!unroll
      let at = a_place(lane, i);
      tile[at.x * A_STRIDE + at.y] = a_stored(i);
    }
    for (var i = 0u; i < B_LOADS; i++) {  //!unroll
      let at = b_place(lane, i);
      tile[A_OCTETS + at.x * B_STRIDE + at.y] = b_stored(i);
    }
  }
}

alias Left = subgroup_matrix_left<f16, K, M>;
alias Right = subgroup_matrix_right<f16, N, K>;

// Sum `terms` terms and store the tile. Call it in uniform control flow.
fn multiply(lane: u32, terms: u32) {
  let subgroup = subgroupBroadcastFirst(lane / S);
  let down = subgroup / SUBGROUPS_N;
  let along = subgroup % SUBGROUPS_N;
  let a_from = down * MATRICES_M * M * select(A_STRIDE, 1u, A_LINES) / select(1u, 8u, A_LINES);
  let b_from = A_OCTETS + along * MATRICES_N * N * select(B_STRIDE, 1u, B_LINES) / select(1u, 8u, B_LINES);
  var sums: array<subgroup_matrix_result<f32, N, M>, MATRICES_M * MATRICES_N>;
  let stages = (terms + DEPTH - 1u) / DEPTH;
  for (var stage = 0u; stage <= stages; stage++) {
    fetch();
    if (stage > 0u) {
      for (var k = 0u; k < DEPTH / K; k++) {  //!unroll
        var left: array<Left, MATRICES_M>;
        for (var r = 0u; r < MATRICES_M; r++) {  //!unroll
          if (A_LINES) {
            left[r] = subgroupMatrixLoad<Left, col_major>(&tile, a_from + k * K * A_STRIDE + r * M / 8u, A_STRIDE);
          } else {
            left[r] = subgroupMatrixLoad<Left, row_major>(&tile, a_from + r * M * A_STRIDE + k * K / 8u, A_STRIDE);
          }
        }
        for (var c = 0u; c < MATRICES_N; c++) {  //!unroll
          var right: Right;
          if (B_LINES) {
            right = subgroupMatrixLoad<Right, row_major>(&tile, b_from + k * K * B_STRIDE + c * N / 8u, B_STRIDE);
          } else {
            right = subgroupMatrixLoad<Right, col_major>(&tile, b_from + c * N * B_STRIDE + k * K / 8u, B_STRIDE);
          }
          for (var r = 0u; r < MATRICES_M; r++) {  //!unroll
            sums[r * MATRICES_N + c] = subgroupMatrixMultiplyAccumulate(left[r], right, sums[r * MATRICES_N + c]);
          }
        }
      }
    }
    workgroupBarrier();
    store_stage(lane, terms - min(stage * DEPTH, terms));
    workgroupBarrier();
  }
  // The results pass through workgroup memory: only there is it known which lane holds which. A lane stores the same columns of
  // all its rows.
  for (var c = 0u; c < MATRICES_N; c += STORED) {  //!unroll
    aim((along * MATRICES_N + c) * N + lane % QUADS * 4u);
    for (var r = 0u; r < MATRICES_M; r++) {  //!unroll
      for (var i = 0u; i < STORED; i++) {  //!unroll
        subgroupMatrixStore<row_major>(&tile, subgroup * M * QUADS + i * N / 4u, sums[r * MATRICES_N + c + i], QUADS);
      }
      workgroupBarrier();
      for (var e = 0u; e < M * QUADS / S; e++) {
        let q = lane % S + e * S;
        store((down * MATRICES_M + r) * M + q / QUADS, bitcast<vec4<f32>>(tile[subgroup * M * QUADS + q]));
      }
      workgroupBarrier();
    }
  }
}
