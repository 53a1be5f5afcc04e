// dw = x against dy on matrix units: rows are output channels, columns are the terms (channel, tap row, tap column), the sum
// runs over the pixels of the batch, in slices. A lane fetches octets of one pixel at a time.
//!include "lib/index.wgsl"
//!include "lib/matrix_product.wgsl"
alias Act = f16;             //!spec   element type of x in memory
alias Dy = f16;              //!spec   and of dy; vec4<u32> where eight pixels in a row are eight terms of the sum
const DY_WIDTH: u32 = 1u;    //!spec   numbers of a Dy
const A_LINES: bool = true;  //!spec   false where Dy is a vec4
const A_ACROSS: bool = A_LINES;
const B_LINES: bool = true;
const B_ACROSS: bool = true;

struct Params {
  batch: u32,
  groups: u32,
  written: u32,              // channels of dy per group
  row_tiles: u32,            // tiles of them
  column_tiles: u32,         // tiles of the terms
  phases: u32,
  slice: u32,                // pixels of a slice
  slices: u32,
  x_group: u32,              // numbers of x per image and group
  w_group: u32,              // strides of dw
  w_written: u32,
  dw_size: u32,
  source: vec2<u32>,         // rows and columns of x; likewise below
  x_step: vec2<u32>,
  spread: vec2<u32>,
  stage: vec3<u32>,          // images, rows and columns in DEPTH pixels
}
@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read> dy: array<Dy>;
@group(0) @binding(2) var<storage, read> table: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> places: array<u32>;          // of the terms in dw
@group(0) @binding(4) var<storage, read_write> dw: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;
//!include "lib/conv2d_octets.wgsl"

fn dy_octet(at: u32, step: u32) -> vec4<u32> { return vec4(halves(vec4(f16(dy[at]), f16(dy[at + step]), f16(dy[at + 2u * step]), f16(dy[at + 3u * step]))), halves(vec4(f16(dy[at + 4u * step]), f16(dy[at + 5u * step]), f16(dy[at + 6u * step]), f16(dy[at + 7u * step])))); }  //!spec

const_assert LANES % DEPTH == 0u;
const OCTET_GAP: u32 = LANES / DEPTH;    // from one octet of a lane to the next
var<private> x_next: array<Octet, B_LOADS>;
var<private> pixel: Pixel;
var<private> dy_pixel: Pixel;            // first of the octets of dy
var<private> dy_line: u32;               // first channel of them
var<private> table_at: u32;
var<private> phase: Phase;
var<private> slab: u32;                  // the group
var<private> row0: u32;
var<private> column0: u32;
var<private> dw_at: u32;
var<private> dw_place: vec4<u32>;

fn advance(from_pixel: Pixel) -> Pixel {
  let stage = params.stage;
  let column = from_pixel.column + stage.z;
  let row_done = column >= phase.width;
  let row = from_pixel.row + stage.y + select(0u, 1u, row_done);
  let height = phase.terms;
  let plane_done = row >= height;
  return Pixel(from_pixel.n + stage.x + select(0u, 1u, plane_done), select(row, row - height, plane_done),
    select(column, column - phase.width, row_done));
}

fn fetch() {
  let window = window_of(pixel, slab, phase);
  for (var i = 0u; i < B_LOADS; i++) {  //!unroll
    x_next[i] = gather(window, table_at + 3u * i * OCTET_GAP);
  }
  var at = ((dy_pixel.n * params.groups + slab) * params.written + dy_line) * phase.area
    + dy_pixel.row * phase.width + dy_pixel.column;
  for (var i = 0u; i < A_LOADS; i++) {  //!unroll
    a_next[i] = dy_octet(at / DY_WIDTH, phase.area);
    at += select(LANES / (DEPTH / 8u), 8u * OCTET_GAP, A_LINES) * phase.area;
  }
  pixel = advance(pixel);
  dy_pixel = advance(dy_pixel);
}
fn a_stored(i: u32) -> vec4<u32> {
  return a_next[i];
}
fn b_stored(i: u32) -> vec4<u32> {
  return masked(x_next[i]);
}

fn aim(column: u32) {
  let first = column0 + column;
  dw_place = vec4(places[first], places[first + 1u], places[first + 2u], places[first + 3u]);
  dw_place = select(dw_place, vec4(0xffffffffu), vec4(first) + vec4(0u, 1u, 2u, 3u) >= vec4(arrayLength(&places)));
}
fn store(row: u32, v: vec4<f32>) {
  let channel = row0 + row;
  if (channel < params.written) {
    let to = dw_at + channel * params.w_written;
    for (var i = 0u; i < 4u; i++) {  //!unroll
      if (dw_place[i] != 0xffffffffu) {
        dw[to + dw_place[i]] = v[i];
      }
    }
  }
}

@compute @workgroup_size(LANES) @subgroup_size(S)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let flat = flat_group(group, groups);
  let rest = flat / p.row_tiles;
  let product = rest / p.column_tiles;
  let g = product % p.groups;
  let slice = product / p.groups;
  if (slice >= p.slices) {
    return;
  }
  let f = phase_of(0u);
  let first = slice * p.slice;
  phase = f;
  phase.terms = f.area / f.width;        // rows: the sum runs over pixels here
  slab = g;
  row0 = flat % p.row_tiles * ROWS;
  column0 = rest % p.column_tiles * COLUMNS;
  dw_at = slice * p.dw_size + g * p.w_group;
  pixel = pixel_of(first + b_place(lane, 0u).x, f);
  let corner = a_corner(lane, 0u);
  dy_line = row0 + corner.x;
  dy_pixel = pixel_of(first + corner.y, f);
  table_at = 2u * p.phases + 3u * (column0 / 8u + b_place(lane, 0u).y);
  multiply(lane, min(p.slice, p.batch * f.area - first));
}
