// y [batch, columns, rows] = x [batch, rows, columns]. A workgroup turns a tile of 16 x 16 in its own memory, so that reads and
// writes both touch neighbours. Copies bits, so that any dtype works.
//!include "lib/index.wgsl"
alias Cell = u32;                        //!spec   u32 or f16
const TILE: u32 = 16u;
struct Params { batch: u32, rows: u32, columns: u32, tiles_down: u32, tiles_across: u32 }
@group(0) @binding(0) var<storage, read> x: array<Cell>;
@group(0) @binding(1) var<storage, read_write> y: array<Cell>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> tile: array<Cell, 272>;    // rows of 17: columns fall into different banks

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_id) lane: vec3<u32>) {
  let p = params;
  let flat = flat_group(group, groups);
  let across = flat % p.tiles_across * TILE;
  let down = flat / p.tiles_across % p.tiles_down * TILE;
  let item = flat / p.tiles_across / p.tiles_down;
  let base = item * p.rows * p.columns;
  if (item < p.batch && down + lane.y < p.rows && across + lane.x < p.columns) {
    tile[lane.y * 17u + lane.x] = x[base + (down + lane.y) * p.columns + across + lane.x];
  }
  workgroupBarrier();
  if (item < p.batch && across + lane.y < p.columns && down + lane.x < p.rows) {
    y[base + (across + lane.y) * p.rows + down + lane.x] = tile[lane.x * 17u + lane.y];
  }
}
