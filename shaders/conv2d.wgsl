// y = correlation of x with w, as a matrix product that never builds its matrix: rows are written channels, columns are
// pixels, the sum runs over (channel, tap row, tap column). A workgroup stages a slice of both in its memory and writes a
// tile of 4 EACH channels x 64 pixels; each invocation keeps EACH x 4 of it. Weights are reached by signed strides and written
// pixels by a step, so one text serves the forward pass and, flipped and in phases, the gradient of the input.
//!include "lib/index.wgsl"
const EACH: u32 = 8u;        //!spec   written channels per invocation
const ROWS: u32 = 4u * EACH; // written channels per workgroup
const COLS: u32 = 64u;       // pixels per workgroup
const DEPTH: u32 = 16u;      // terms of the sum staged at once

//!include "lib/correlation_params.wgsl"
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;           // [O]; anything when has_bias is 0
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> w_tile: array<f32, DEPTH * ROWS>;
var<workgroup> x_tile: array<f32, DEPTH * COLS>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let row_tiles = (p.written + ROWS - 1u) / ROWS;
  let flat = flat_group(group, groups);
  let row0 = flat % row_tiles * ROWS;
  let g = flat / row_tiles % p.groups;
  let column0 = flat / row_tiles / p.groups * COLS;
  let area = p.pixels.x * p.pixels.y;
  let columns = p.batch * area;
  let terms = p.reduced * p.taps.x * p.taps.y;

  // The pixel this invocation stages.
  let column = min(column0 + lane, columns - 1u);
  let at = column % area;
  let origin = vec2<i32>(vec2<u32>(at / p.pixels.y, at % p.pixels.y) * p.x_step) + p.x_start;
  let x_group = (column / area * p.groups + g) * p.reduced;
  // The weights it stages: one term, EACH channels.
  let w_depth = lane % DEPTH;
  let w_row = lane / DEPTH;
  let w_base = i32(g * p.w_group + p.w_start);

  let r = lane / 16u;        // this invocation computes channels r EACH .. (r + 1) EACH - 1
  let q = lane % 16u;        // and pixels q, q + 16, q + 32, q + 48
  var sum: array<vec4<f32>, EACH>;
  for (var k0 = 0u; k0 < terms; k0 += DEPTH) {
    let k = k0 + w_depth;
    let w_at = w_base + i32(k / (p.taps.x * p.taps.y) * p.w_reduced) + i32(k / p.taps.y % p.taps.x) * p.w_tap.x
             + i32(k % p.taps.y) * p.w_tap.y;
    for (var i = w_row; i < ROWS; i += 4u) {
      var value = 0.0;
      if (k < terms && row0 + i < p.written) {
        value = w[u32(w_at) + (row0 + i) * p.w_written];
      }
      w_tile[w_depth * ROWS + i] = value;
    }
    var c = k0 / (p.taps.x * p.taps.y);
    var ky = k0 / p.taps.y % p.taps.x;
    var kx = k0 % p.taps.y;
    for (var i = 0u; i < DEPTH; i++) {
      let pixel = vec2<u32>(origin + vec2<i32>(vec2<u32>(ky, kx) * p.spread));
      var value = 0.0;
      if (c < p.reduced && all(pixel < p.source)) {
        value = x[((x_group + c) * p.source.x + pixel.x) * p.source.y + pixel.y];
      }
      x_tile[i * COLS + lane] = value;
      kx++;
      if (kx == p.taps.y) {
        kx = 0u;
        ky++;
        if (ky == p.taps.x) {
          ky = 0u;
          c++;
        }
      }
    }
    workgroupBarrier();
    for (var i = 0u; i < DEPTH; i++) {
      let first = i * COLS + q;
      let v = vec4<f32>(x_tile[first], x_tile[first + 16u], x_tile[first + 32u], x_tile[first + 48u]);
      let to = i * ROWS + r * EACH;
      for (var j = 0u; j < EACH; j++) {
        sum[j] += w_tile[to + j] * v;
      }
    }
    workgroupBarrier();
  }

  for (var i = 0u; i < 4u; i++) {
    let mine = column0 + q + i * 16u;
    if (mine < columns) {
      let here = mine % area;
      let to = vec2<u32>(here / p.pixels.y, here % p.pixels.y) * p.y_step + p.y_start;
      for (var j = 0u; j < EACH; j++) {
        let row = row0 + r * EACH + j;
        if (row < p.written) {
          let channel = g * p.written + row;
          var value = sum[j][i];
          if (p.has_bias == 1u) {
            value += b[channel];
          }
          y[((mine / area * p.groups * p.written + channel) * p.plane.x + to.x) * p.plane.y + to.y] = value;
        }
      }
    }
  }
}
