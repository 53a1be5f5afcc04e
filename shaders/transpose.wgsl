// y [batch, columns, rows] = x [batch, rows, columns]. A workgroup turns a tile of 16 x 16 in its own memory, so that reads and
// writes both touch neighbours. Copies bits, so that any dtype works.
//!include "lib/index.wgsl"
const TILE: u32 = 16u;
struct Params { batch: u32, rows: u32, columns: u32, tiles_down: u32, tiles_across: u32 }
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> tile: array<u32, 272>;    // rows of 17: columns fall into different banks

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_id) lane: vec3<u32>) {
  let flat = flat_group(group, groups);
  let across = flat % params.tiles_across * TILE;
  let down = flat / params.tiles_across % params.tiles_down * TILE;
  let item = flat / params.tiles_across / params.tiles_down;
  let base = item * params.rows * params.columns;
  if (item < params.batch && down + lane.y < params.rows && across + lane.x < params.columns) {
    tile[lane.y * 17u + lane.x] = x[base + (down + lane.y) * params.columns + across + lane.x];
  }
  workgroupBarrier();
  if (item < params.batch && across + lane.y < params.columns && down + lane.x < params.rows) {
    y[base + (across + lane.y) * params.rows + down + lane.x] = tile[lane.x * 17u + lane.y];
  }
}
