// The main loop of tiled products: X x Y invocations sum a tile of 4 Y ROW_QUADS rows by 4 X COLUMN_QUADS columns, each of
// them 4 ROW_QUADS by 4 COLUMN_QUADS results. Both operands pass through workgroup memory, DEPTH terms at a time, as vec4 of
// four rows or four columns. The loads of a stage are issued before the sums of the one before and take as long as those.
// The including kernel declares
//   fetch()     sets a_next and b_next to quads of the next stage, from the first on. No branch and no use of a loaded number is
//               in it: the loads then run while the stage before is summed. It runs once more than there are stages.
//   a_stored(i), b_stored(i)   return quad i for workgroup memory: a_next[i] or b_next[i], with zeros where it is outside.
const X: u32 = 16u;                      //!spec   invocations along the columns
const Y: u32 = 8u;                       //!spec   and along the rows
const ROW_QUADS: u32 = 2u;               //!spec   rows of an invocation, in fours
const COLUMN_QUADS: u32 = 2u;            //!spec
const DEPTH: u32 = 16u;                  //!spec   terms of a stage, a multiple of 4
const A_ALONG: bool = false;             //!spec   neighbouring invocations fetch neighbouring terms of a, not rows
const B_ALONG: bool = false;             //!spec   and of b, not columns
alias NextA = vec4<f32>;                 //!spec   a quad of a on its way to workgroup memory, as it is loaded
alias NextB = vec4<f32>;                 //!spec

const LANES: u32 = X * Y;
const QUADS_M: u32 = Y * ROW_QUADS;      // of the tile
const QUADS_N: u32 = X * COLUMN_QUADS;
const RESULTS: u32 = 4u * ROW_QUADS * COLUMN_QUADS;                   // of an invocation, in fours
const A_LOADS: u32 = (DEPTH * QUADS_M + LANES - 1u) / LANES;          // quads that an invocation fetches per stage
const B_LOADS: u32 = (DEPTH * QUADS_N + LANES - 1u) / LANES;
// Quads between two terms. One more than a power of two where invocations of different terms store at once: their stores then
// go to different banks.
const A_STRIDE: u32 = QUADS_M + select(0u, 1u, A_ALONG);
const B_STRIDE: u32 = QUADS_N + select(0u, 1u, B_ALONG);

// Quads of memory. Across terms every invocation stores all that it fetches, needed or not: no branch is among the stores.
const A_SPACE: u32 = select(A_LOADS * LANES, DEPTH * A_STRIDE, A_ALONG);
const B_SPACE: u32 = select(B_LOADS * LANES, DEPTH * B_STRIDE, B_ALONG);

var<workgroup> a_tile: array<vec4<f32>, A_SPACE>;                     // [term, row / 4]
var<workgroup> b_tile: array<vec4<f32>, B_SPACE>;                     // [term, column / 4]
var<private> a_next: array<NextA, A_LOADS>;
var<private> b_next: array<NextB, B_LOADS>;
var<private> tile_sum: array<vec4<f32>, RESULTS>;                     // [row, quad of columns]

// (term, quad) of number `load` of the quads that an invocation fetches. One of the two is the same for all of its loads where
// the tile is wider than the workgroup is long.
fn place(lane: u32, load: u32, quads: u32, along: bool) -> vec2<u32> {
  let e = lane + load * LANES;
  return select(vec2(e / quads, e % quads), vec2(e % DEPTH, e / DEPTH), along);
}
fn a_place(lane: u32, load: u32) -> vec2<u32> { return place(lane, load, QUADS_M, A_ALONG); }
fn b_place(lane: u32, load: u32) -> vec2<u32> { return place(lane, load, QUADS_N, B_ALONG); }

fn store_stage(lane: u32) {
  for (var i = 0u; i < A_LOADS; i++) {  //!unroll
    let at = a_place(lane, i);
    if (!A_ALONG || A_LOADS * LANES == DEPTH * QUADS_M || lane + i * LANES < DEPTH * QUADS_M) {
      a_tile[at.x * A_STRIDE + at.y] = a_stored(i);
    }
  }
  for (var i = 0u; i < B_LOADS; i++) {  //!unroll
    let at = b_place(lane, i);
    if (!B_ALONG || B_LOADS * LANES == DEPTH * QUADS_N || lane + i * LANES < DEPTH * QUADS_N) {
      b_tile[at.x * B_STRIDE + at.y] = b_stored(i);
    }
  }
}

// Add the terms of the stage in workgroup memory. Four are written out: a compiler may write out more. Indices are sums of
// constants and of numbers whose range shows, so that no clamp is added to them.
fn sum_stage(lane: u32) {
  let ty = lane / X % Y;
  let tx = lane % X;
  for (var four = 0u; four < DEPTH / 4u; four++) {
    for (var k = 0u; k < 4u; k++) {  //!unroll
      var rows: array<vec4<f32>, ROW_QUADS>;
      for (var p = 0u; p < ROW_QUADS; p++) {  //!unroll
        rows[p] = a_tile[(four * 4u + k) * A_STRIDE + ty * ROW_QUADS + p];
      }
      var columns: array<vec4<f32>, COLUMN_QUADS>;
      for (var q = 0u; q < COLUMN_QUADS; q++) {  //!unroll
        columns[q] = b_tile[(four * 4u + k) * B_STRIDE + tx + q * X];
      }
      for (var p = 0u; p < ROW_QUADS; p++) {  //!unroll
        for (var r = 0u; r < 4u; r++) {  //!unroll
          for (var q = 0u; q < COLUMN_QUADS; q++) {  //!unroll
            tile_sum[(p * 4u + r) * COLUMN_QUADS + q] = fma(vec4(rows[p][r]), columns[q], tile_sum[(p * 4u + r) * COLUMN_QUADS + q]);
          }
        }
      }
    }
  }
}

// Sum all stages into tile_sum. Call it in uniform control flow.
fn sum_tile(lane: u32, stages: u32) {
  for (var stage = 0u; stage <= stages; stage++) {
    fetch();
    if (stage > 0u) {
      sum_stage(lane);
    }
    workgroupBarrier();
    store_stage(lane);
    workgroupBarrier();
  }
}
