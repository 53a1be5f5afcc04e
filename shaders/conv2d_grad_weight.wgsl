// Gradient of a convolution with respect to its weight, as a matrix product that never builds its matrices: rows are output
// channels, columns are (input channel, tap row, tap column), the sum runs over the pixels of dy. The sum is cut in `slices`,
// each written as a separate partial gradient; sum_to adds them in a fixed order. An invocation fetches one pixel of a stage:
// it is carried from stage to stage, and its columns are decoded before the loop.
//!include "lib/index.wgsl"
//!include "lib/tile_product.wgsl"
alias Act = f32;             //!spec   element type of x and dy in memory
const POINT: bool = false;   //!spec   one tap, which is inside of x for every pixel
const MASKED: bool = true;   //!spec   taps are tested by bits: they span at most 16 pixels of each axis

struct Params {
  row_tiles: u32,
  column_tiles: u32,
  groups: u32,
  written: u32,              // output channels per group
  columns: u32,              // of a group
  slice: u32,                // pixels of dy per slice
  pixels: u32,
  window: vec2<u32>,         // taps: rows, columns; likewise below
  dilation: vec2<u32>,
  size: vec2<u32>,           // of x
  out: vec2<u32>,            // of dy
  stride: vec2<u32>,
  padding: vec2<u32>,
  x_image: u32,              // numbers of an image
  y_image: u32,
  x_group: u32,              // numbers of an image's group
  // One stage further: rows and columns of x, numbers of x, numbers of dy. The end of a row and of a plane add to that.
  step: vec2<u32>,
  x_step: u32,
  y_step: u32,
  x_row_end: u32,
  x_plane_end: u32,
  y_plane_end: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read> dy: array<Act>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;    // [slices, O, C / groups, kh, kw]
@group(0) @binding(3) var<uniform> params: Params;

// The pixel that this invocation fetches next: row and column of x under the first tap, addresses, and its number.
var<private> origin: vec2<i32>;
var<private> origin_end: vec2<i32>;      // where a row and a plane end
var<private> x_at: u32;
var<private> y_at: u32;
var<private> pixel: u32;
var<private> pixel_end: u32;
var<private> area: vec3<u32>;            // numbers of dy from one channel to the next, the second and the third
var<private> size: vec2<i32>;
var<private> turn: vec2<i32>;            // rows and columns of x from the end of dy to its start
var<private> stride: vec2<i32>;
var<private> step: vec2<i32>;
var<private> x_step: u32;
var<private> y_step: u32;
var<private> x_row_end: u32;
var<private> x_plane_end: u32;
var<private> y_plane_end: u32;
// Its columns: offset in x; row and column of their taps, four bits each, or, without bits, 16 bits each.
var<private> column_at: array<vec4<u32>, B_LOADS>;
var<private> bit: array<u32, B_LOADS>;
var<private> tap: array<vec4<u32>, B_LOADS>;
// The pixel that is stored next.
var<private> inside: u32;                // bits of the taps inside of x; 0 beyond the slice
var<private> stored: vec2<i32>;

// Bits j < 16 with 0 <= first + j < size.
fn span_bits(first: i32, size: i32) -> u32 {
  let low = clamp(-first, 0, 16);
  return (1u << u32(max(clamp(size - first, 0, 16), low))) - (1u << u32(low));
}

// WGSL lets an index lie outside of an array: any number is read then, and b_stored() puts zero in its place.
fn fetch() {
  for (var i = 0u; i < A_LOADS; i++) {  //!unroll
    let at = y_at + a_place(0u, i).y * 4u * area.x;
    a_next[i] = vec4(f32(dy[at]), f32(dy[at + area.x]), f32(dy[at + area.y]), f32(dy[at + area.z]));
  }
  for (var i = 0u; i < B_LOADS; i++) {  //!unroll
    let at = x_at + column_at[i];
    b_next[i] = vec4(f32(x[at.x]), f32(x[at.y]), f32(x[at.z]), f32(x[at.w]));
  }
  let bits = select(1u, span_bits(origin.x, size.x) | (span_bits(origin.y, size.y) << 16u), MASKED && !POINT);
  inside = select(0u, bits, pixel < pixel_end);
  stored = origin;

  pixel += DEPTH;
  origin += step;
  x_at += x_step;
  y_at += y_step;
  let row_done = origin.y >= origin_end.y;
  origin += select(vec2(0), vec2(stride.x, -turn.y), row_done);
  x_at += select(0u, x_row_end, row_done);
  let plane_done = origin.x >= origin_end.x;
  origin.x -= select(0, turn.x, plane_done);
  x_at += select(0u, x_plane_end, plane_done);
  y_at += select(0u, y_plane_end, plane_done);
}

fn a_stored(i: u32) -> vec4<f32> {
  return select(vec4(0.0), a_next[i], pixel < pixel_end + DEPTH);
}

fn b_stored(i: u32) -> vec4<f32> {
  if (POINT) {
    return select(vec4(0.0), b_next[i], inside != 0u);
  }
  if (MASKED) {
    let at = bit[i];
    var ok: vec4<u32>;
    for (var j = 0u; j < 4u; j++) {  //!unroll
      ok[j] = (inside >> extractBits(at, 8u * j, 4u)) & (inside >> (16u + extractBits(at, 8u * j + 4u, 4u)));
    }
    return select(vec4(0.0), b_next[i], (ok & vec4(1u)) != vec4(0u));
  }
  let row = vec4(bitcast<u32>(stored.x)) + (tap[i] & vec4(0xffffu));
  let column = vec4(bitcast<u32>(stored.y)) + (tap[i] >> vec4(16u));
  return select(vec4(0.0), b_next[i], (row < vec4(u32(size.x))) & (column < vec4(u32(size.y))) & vec4(inside != 0u));
}

// Decode the columns of quad `quad` and the three after it: one division for the first, a step for the others.
fn decode(i: u32, first: u32) {
  let p = params;
  let taps = p.window.x * p.window.y;
  let column = min(first, p.columns - 1u);
  var c = column / taps;
  var ky = column % taps / p.window.y;
  var kx = column % p.window.y;
  for (var j = 0u; j < 4u; j++) {  //!unroll
    let at = vec2(ky, kx) * p.dilation;
    column_at[i][j] = c * p.size.x * p.size.y + at.x * p.size.y + at.y;
    bit[i] |= ((at.x & 15u) | ((at.y & 15u) << 4u)) << (8u * j);
    tap[i][j] = at.x | (at.y << 16u);
    kx += 1u;
    let row_done = kx == p.window.y;
    kx = select(kx, 0u, row_done);
    ky += select(0u, 1u, row_done);
    let window_done = ky == p.window.x;
    ky = select(ky, 0u, window_done);
    c += select(0u, 1u, window_done);
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let flat = flat_group(group, groups);
  let row0 = flat % p.row_tiles * (4u * QUADS_M);
  let column0 = flat / p.row_tiles % p.column_tiles * (4u * QUADS_N);
  let g = flat / (p.row_tiles * p.column_tiles) % p.groups;
  let slice = flat / (p.row_tiles * p.column_tiles * p.groups);
  let first = slice * p.slice;
  if (first >= p.pixels) {
    return;
  }
  let last = min(first + p.slice, p.pixels);

  let plane = p.out.x * p.out.y;
  area = vec3(1u, 2u, 3u) * plane;
  size = vec2<i32>(p.size);
  stride = vec2<i32>(p.stride);
  turn = vec2<i32>(p.out * p.stride);
  origin_end = turn - vec2<i32>(p.padding);
  step = vec2<i32>(p.step);
  x_step = p.x_step;
  y_step = p.y_step;
  x_row_end = p.x_row_end;
  x_plane_end = p.x_plane_end;
  y_plane_end = p.y_plane_end;
  for (var i = 0u; i < B_LOADS; i++) {  //!unroll
    decode(i, column0 + b_place(lane, i).y * 4u);
  }
  let place = a_place(lane, 0u);
  pixel = first + place.x;
  pixel_end = last;
  let n = pixel / plane;
  let here = pixel % plane;
  origin = vec2<i32>(vec2(here / p.out.y, here % p.out.y) * p.stride) - vec2<i32>(p.padding);
  x_at = n * p.x_image + g * p.x_group + bitcast<u32>(origin.x * size.y + origin.y);
  y_at = n * p.y_image + (g * p.written + row0 + place.y * 4u) * plane + here;
  sum_tile(lane, (last - first + DEPTH - 1u) / DEPTH);

  let row = row0 + lane / X * (4u * ROW_QUADS);
  let column = column0 + lane % X * 4u;
  var to = ((slice * p.groups + g) * p.written + row) * p.columns + column;
  for (var r = 0u; r < 4u * ROW_QUADS; r++) {  //!unroll
    for (var q = 0u; q < COLUMN_QUADS; q++) {  //!unroll
      let left = select(0u, p.columns - min(p.columns, column + q * X * 4u), row + r < p.written);
      for (var c = 0u; c < 4u; c++) {  //!unroll
        if (c < left) {
          dw[to + q * X * 4u + c] = tile_sum[r * COLUMN_QUADS + q][c];
        }
      }
    }
    to += p.columns;
  }
}
