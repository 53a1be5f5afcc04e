// y [batch, columns, rows] = x [batch, rows, columns]. A workgroup turns a tile of 32 x 32 in its own memory, so that reads and
// writes both touch neighbours; an invocation moves four cells, whose loads come first. Copies bits, so that any dtype works.
//!include "lib/index.wgsl"
alias Cell = u32;                        //!spec   u32 or f16
const TILE: u32 = 32u;
const DOWN: u32 = 8u;                    // rows of a tile that are moved together
const TURNS: u32 = TILE / DOWN;
const PITCH: u32 = TILE + 1u;            // of a row: columns fall into different banks
struct Params { batch: u32, rows: u32, columns: u32, tiles_down: u32, tiles_across: u32 }
@group(0) @binding(0) var<storage, read> x: array<Cell>;
@group(0) @binding(1) var<storage, read_write> y: array<Cell>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> tile: array<Cell, TILE * PITCH>;

@compute @workgroup_size(32, 8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_id) lane: vec3<u32>) {
  let p = params;
  let flat = flat_group(group, groups);
  let line = flat / p.tiles_across;
  let item = line / p.tiles_down;
  let across = (flat - line * p.tiles_across) * TILE;
  let down = (line - item * p.tiles_down) * TILE;
  let base = item * p.rows * p.columns;
  // Cells outside of x are loaded from any place and not stored.
  var at = base + (down + lane.y) * p.columns + across + lane.x;
  var seen: array<Cell, TURNS>;
  for (var t = 0u; t < TURNS; t++) {  //!unroll
    seen[t] = x[at];
    at += DOWN * p.columns;
  }
  for (var t = 0u; t < TURNS; t++) {  //!unroll
    tile[(lane.y + t * DOWN) * PITCH + lane.x] = seen[t];
  }
  workgroupBarrier();
  at = base + (across + lane.y) * p.rows + down + lane.x;
  let whole = item < p.batch && down + lane.x < p.rows;
  for (var t = 0u; t < TURNS; t++) {  //!unroll
    if (whole && across + lane.y + t * DOWN < p.columns) {
      y[at] = tile[lane.x * PITCH + lane.y + t * DOWN];
    }
    at += DOWN * p.rows;
  }
}
