// Gradient of a convolution with respect to its weight, as a matrix product that never builds its matrices: rows are
// output channels, columns are (input channel, tap row, tap column), the sum runs over the pixels of dy. The sum is cut in
// `slices`, each written as a separate partial gradient; sum_to adds them in a fixed order. A workgroup writes a tile of
// 8 EACH x 32 and stages 16 pixels at a time; each invocation keeps EACH x 4.
//!include "lib/index.wgsl"
const EACH: u32 = 4u;        //!spec   output channels per invocation
const ROWS: u32 = 8u * EACH; // output channels per workgroup
const COLS: u32 = 32u;       // columns per workgroup
const DEPTH: u32 = 16u;
const BLOCK: u32 = 16u;      // staged slices summed apart first: the rounding error grows with their count only

//!include "lib/grad_weight_params.wgsl"
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;    // [slices, O, C / groups, kh, kw]
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> y_tile: array<f32, DEPTH * ROWS>;
var<workgroup> x_tile: array<f32, DEPTH * COLS>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let reduced = p.x_shape.y / p.groups;
  let written = p.y_shape.y / p.groups;
  let columns = reduced * p.kernel.x * p.kernel.y;
  let row_tiles = (written + ROWS - 1u) / ROWS;
  let column_tiles = (columns + COLS - 1u) / COLS;
  let flat = flat_group(group, groups);
  let row0 = flat % row_tiles * ROWS;
  let column0 = flat / row_tiles % column_tiles * COLS;
  let g = flat / (row_tiles * column_tiles) % p.groups;
  let slice = flat / (row_tiles * column_tiles * p.groups);
  let area = p.y_shape.z * p.y_shape.w;
  let end = min((slice + 1u) * p.slice, p.x_shape.x * area);
  let plane = p.x_shape.z * p.x_shape.w;

  let depth = lane % DEPTH;
  let first = lane / DEPTH;
  let r = lane / 8u * EACH;  // this invocation computes rows r .. r + EACH - 1
  let q = lane % 8u * 4u;    // and columns q .. q + 3
  var total: array<vec4<f32>, EACH>;
  var sum: array<vec4<f32>, EACH>;
  var staged = 0u;
  for (var k0 = slice * p.slice; k0 < end; k0 += DEPTH) {
    let k = k0 + depth;
    let here = k < end;
    let n = k / area;
    let at = k % area;
    let y_at = (n * p.y_shape.y + g * written) * area + at;
    for (var i = first; i < ROWS; i += 4u) {
      var value = 0.0;
      if (here && row0 + i < written) {
        value = dy[y_at + (row0 + i) * area];
      }
      y_tile[depth * ROWS + i] = value;
    }
    // Above the first row the subtraction wraps to a huge number, which is not below H either.
    let origin = vec2<u32>(at / p.y_shape.w, at % p.y_shape.w) * p.stride - p.padding;
    let x_at = (n * p.x_shape.y + g * reduced) * plane;
    for (var i = first; i < COLS; i += 4u) {
      let column = column0 + i;
      let tap = vec2<u32>(column / p.kernel.y % p.kernel.x, column % p.kernel.y);
      let pixel = origin + tap * p.dilation;
      var value = 0.0;
      if (here && column < columns && all(pixel < p.x_shape.zw)) {
        value = x[x_at + column / (p.kernel.x * p.kernel.y) * plane + pixel.x * p.x_shape.w + pixel.y];
      }
      x_tile[depth * COLS + i] = value;
    }
    workgroupBarrier();
    for (var i = 0u; i < DEPTH; i++) {
      let left = i * COLS + q;
      let v = vec4<f32>(x_tile[left], x_tile[left + 1u], x_tile[left + 2u], x_tile[left + 3u]);
      let to = i * ROWS + r;
      for (var j = 0u; j < EACH; j++) {
        sum[j] += y_tile[to + j] * v;
      }
    }
    workgroupBarrier();
    staged++;
    if (staged % BLOCK == 0u) {
      for (var j = 0u; j < EACH; j++) {
        total[j] += sum[j];
        sum[j] = vec4<f32>(0.0);
      }
    }
  }

  for (var j = 0u; j < EACH; j++) {
    let value = total[j] + sum[j];
    let row = row0 + r + j;
    for (var i = 0u; i < 4u; i++) {
      let column = column0 + q + i;
      if (row < written && column < columns) {
        dw[(slice * p.y_shape.y + g * written + row) * columns + column] = value[i];
      }
    }
  }
}
