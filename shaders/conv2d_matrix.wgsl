// y = correlation of x with w on matrix units: rows are written channels, columns are pixels, the sum runs over (channel, tap
// row, tap column). One text serves the forward pass and all phases of the gradient of the input.
//!include "lib/index.wgsl"
//!include "lib/matrix_product.wgsl"
alias Act = f16;             //!spec   element type of x in memory
alias Y = f32;               //!spec   f32 or f16, or a vec4 of these where four pixels are stored at once
const A_LINES: bool = false;
const A_ACROSS: bool = false;
const B_LINES: bool = false;
const B_ACROSS: bool = true;
const WIDE_Y: bool = false;  //!spec   whether Y is a vec4
fn put(at: u32, v: vec4<f32>) -> u32 { y[at] = Y(v.x); return at; }  //!spec

struct Params {
  batch: u32,
  groups: u32,
  written: u32,              // channels of y per group
  row_tiles: u32,            // tiles of them
  column_tiles: u32,         // tiles of the pixels of a phase
  phases: u32,
  octets: u32,               // of all phases
  x_group: u32,              // numbers of x per image and group
  y_width: u32,              // from one row of y to the next
  y_plane: u32,
  source: vec2<u32>,         // rows and columns of x; likewise below
  x_step: vec2<u32>,         // x pixels per written pixel
  spread: vec2<u32>,         // x pixels per tap
  y_step: vec2<u32>,         // from one written pixel to the next
  has_bias: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read> w: array<vec4<u32>>;         // [group, written channel, octets], by conv2d_matrix_pack.wgsl
@group(0) @binding(2) var<storage, read> b: array<f32>;               // [O]; anything when has_bias is 0
@group(0) @binding(3) var<storage, read> table: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read_write> y: array<Y>;
@group(0) @binding(5) var<uniform> params: Params;
//!include "lib/conv2d_octets.wgsl"

// Octets of a stage; a lane fetches those of the same pixels, OCTET_GAP apart.
const OCTETS: u32 = DEPTH / 8u;
const PLACES: u32 = max(COLUMNS / LANES, 1u);
const OCTET_GAP: u32 = max(LANES / COLUMNS, 1u);
const_assert S <= COLUMNS;
var<private> windows: array<Window, PLACES>;
var<private> x_next: array<Octet, B_LOADS>;
var<private> table_at: u32;
var<private> w_at: u32;
var<private> w_step: u32;
var<private> phase: Phase;
var<private> slab: u32;                  // the group
var<private> row0: u32;
var<private> column0: u32;
var<private> y_at: vec4<u32>;
var<private> count: u32;                 // pixels from the quad's first on

fn fetch() {
  var at = w_at;
  for (var i = 0u; i < A_LOADS; i++) {  //!unroll
    a_next[i] = w[at];
    at += w_step;
  }
  w_at += OCTETS;
  for (var i = 0u; i < B_LOADS; i++) {  //!unroll
    x_next[i] = gather(windows[i % PLACES], table_at + 3u * (i / PLACES * OCTET_GAP));
  }
  table_at += 3u * OCTETS;
}
fn a_stored(i: u32) -> vec4<u32> {
  return a_next[i];
}
fn b_stored(i: u32) -> vec4<u32> {
  return masked(x_next[i]);
}

fn aim(column: u32) {
  let p = params;
  let first = column0 + column;
  let pixels = p.batch * phase.area;
  count = max(pixels, first) - first;
  for (var i = 0u; i < select(4u, 1u, WIDE_Y); i++) {  //!unroll
    let pixel = pixel_of(first + i, phase);
    y_at[i] = (pixel.n * p.groups + slab) * p.written * p.y_plane
      + pixel.row * p.y_step.x * p.y_width + pixel.column * p.y_step.y + phase.y_start;
  }
}
fn store(row: u32, v: vec4<f32>) {
  let channel = row0 + row;
  if (channel < params.written && count > 0u) {
    let sum = v + select(0.0, b[select(0u, slab * params.written + channel, params.has_bias != 0u)], params.has_bias != 0u);
    let to = y_at + channel * params.y_plane;
    if (WIDE_Y) {
      _ = put(to.x / 4u, sum);
    } else {
      for (var i = 0u; i < 4u; i++) {  //!unroll
        if (i < count) {
          _ = put(to[i], vec4(sum[i]));
        }
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
  let f = phase_of(product % p.phases);
  let g = product / p.phases;
  let first = rest % p.column_tiles * COLUMNS;
  if (g >= p.groups || first >= p.batch * f.area) {
    return;
  }
  phase = f;
  slab = g;
  column0 = first;
  row0 = flat % p.row_tiles * ROWS;
  for (var i = 0u; i < PLACES; i++) {  //!unroll
    windows[i] = window_of(pixel_of(first + b_place(lane, i).x, f), g, f);
  }
  // The same for a subgroup, so that the table is read once for all of its lanes.
  let octet = select(subgroupBroadcastFirst(b_place(lane, 0u).y), 0u, LANES <= COLUMNS);
  table_at = 2u * p.phases + 3u * (f.first + octet);
  let at = a_place(lane, 0u);
  w_at = (g * p.written + row0 + at.x) * p.octets + f.first + at.y;
  w_step = LANES / OCTETS * p.octets;
  multiply(lane, f.terms);
}
