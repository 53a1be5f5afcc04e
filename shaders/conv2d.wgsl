// y = correlation of x with w, as a matrix product that never builds its matrix: rows are written channels, columns are
// pixels, the sum runs over (channel, tap row, tap column). One text serves the forward pass and the gradient of the input:
// there each phase of the stride has its own pixels and terms, and all phases run in one dispatch.
// The host writes the table (src/ops/conv/term_table.ts), so that nothing here divides inside of a loop.
//!include "lib/index.wgsl"
//!include "lib/tile_product.wgsl"
alias Act = f32;             //!spec   element type of x, y and packed weights in memory
alias Source = Act;          //!spec   Act; vec4<Act> where four neighbours in x are four neighbours in y
alias Target = Act;          //!spec   Act; vec4<Act> where four neighbours are stored at once
const WIDE_X: bool = false;  //!spec   whether Source is a vec4
const WIDE_Y: bool = false;  //!spec   whether Target is a vec4
const MASKED: bool = true;   //!spec   taps are tested by bits: at most 15 on each axis
const TARGET_WIDTH: u32 = select(1u, 4u, WIDE_Y);
fn number_of(v: Source) -> Act { return v; }                  //!spec
fn target_of(v: vec4<f32>) -> Target { return Target(v.x); }  //!spec

struct Params {
  batch: u32,
  groups: u32,               // of x and y
  first_group: u32,          // of this dispatch
  own_groups: u32,
  written: u32,              // channels of y per group
  first_row: u32,            // of them, of this dispatch
  row_tiles: u32,            // tiles of them from there on
  column_tiles: u32,         // tiles of the pixels of a phase
  phases: u32,
  terms: u32,                // of all phases
  x_group: u32,              // numbers of x per image and group
  y_width: u32,              // from one row of y to the next
  y_plane: u32,
  source: vec2<u32>,         // rows and columns of x; likewise below
  x_step: vec2<u32>,         // x pixels per written pixel
  spread: vec2<u32>,         // x pixels per tap
  y_step: vec2<u32>,         // from one written pixel to the next
  has_bias: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Source>;
@group(0) @binding(1) var<storage, read> w: array<vec4<Act>>;         // [group, row tile, term, QUADS_M], by conv2d_pack.wgsl
@group(0) @binding(2) var<storage, read> b: array<f32>;               // [O]; anything when has_bias is 0
@group(0) @binding(3) var<storage, read> table: array<vec4<u32>>;     // two entries a phase, then the terms
@group(0) @binding(4) var<storage, read_write> y: array<Target>;
@group(0) @binding(5) var<uniform> params: Params;

//!include "lib/conv2d_phases.wgsl"

fn next_pixel(i: Pixel, f: Phase) -> Pixel {
  let row_done = i.column + 1u == f.width;
  let plane_done = row_done & ((i.row + 1u) * f.width == f.area);
  return Pixel(i.n + select(0u, 1u, plane_done), select(i.row + select(0u, 1u, row_done), 0u, plane_done),
    select(i.column + 1u, 0u, row_done));
}

// What an invocation fetches: always the same four pixels, of terms LANES / QUADS_N apart.
const TERM_GAP: u32 = max(LANES / QUADS_N, 1u);
const PLACES: u32 = (QUADS_N + LANES - 1u) / LANES;                   // quads of pixels it fetches
var<private> x_at: array<vec4<u32>, PLACES>;                          // tap 0 of channel 0; it may be outside of the plane
var<private> mask: array<vec4<u32>, PLACES>;                          // bits of the taps inside of x: rows, columns << 16
var<private> x_row: array<vec4<i32>, PLACES>;                         // without bits: its row
var<private> x_column: array<vec4<i32>, PLACES>;
var<private> term: array<vec4<u32>, B_LOADS>;
var<private> term_next: array<vec4<u32>, B_LOADS>;
var<private> term_at: u32;
var<private> w_at: u32;

fn start_fetch(lane: u32, column0: u32, g: u32, f: Phase) {
  let p = params;
  for (var j = 0u; j < PLACES; j++) {  //!unroll
    var pixel = pixel_of(column0 + (lane % QUADS_N + j * LANES) * 4u, f);
    for (var i = 0u; i < 4u; i++) {  //!unroll
      let at = vec2<i32>(vec2<u32>(pixel.row, pixel.column) * p.x_step) + f.x_start;
      let here = pixel.n < p.batch;
      x_at[j][i] = (pixel.n * p.groups + g) * p.x_group + u32(at.x * i32(p.source.y) + at.y);
      if (MASKED) {
        let bits = tap_bits(at.x, f.taps.x, p.spread.x, p.source.x) | (tap_bits(at.y, f.taps.y, p.spread.y, p.source.y) << 16u);
        mask[j][i] = select(0u, bits, here);
      } else {
        x_row[j][i] = select(i32(p.source.x), at.x, here);
        x_column[j][i] = at.y;
      }
      pixel = next_pixel(pixel, f);
    }
  }
  term_at = 2u * p.phases + f.first + b_place(lane, 0u).x;
  load_terms();
}

fn load_terms() {
  for (var i = 0u; i < B_LOADS / PLACES; i++) {  //!unroll
    term_next[i] = table[term_at + i * TERM_GAP];
  }
  term_at += DEPTH;
}

// WGSL lets an index lie outside: any element is read then, and b_stored() puts zero in its place.
fn fetch() {
  for (var i = 0u; i < A_LOADS; i++) {  //!unroll
    a_next[i] = NextA(w[w_at + i * LANES]);
  }
  w_at += DEPTH * QUADS_M;
  term = term_next;
  load_terms();
  for (var i = 0u; i < B_LOADS; i++) {  //!unroll
    let at = x_at[i % PLACES] + term[i / PLACES].x;
    if (WIDE_X) {
      b_next[i] = NextB(x[at.x / 4u]);
    } else {
      b_next[i] = NextB(number_of(x[at.x]), number_of(x[at.y]), number_of(x[at.z]), number_of(x[at.w]));
    }
  }
}

fn a_stored(i: u32) -> vec4<f32> {
  return vec4<f32>(a_next[i]);
}

fn b_stored(i: u32) -> vec4<f32> {
  let t = term[i / PLACES];
  let v = vec4<f32>(b_next[i]);
  if (MASKED) {
    return select(vec4(0.0), v, (mask[i % PLACES] & t.yyyy) == t.yyyy);
  }
  let inside = (bitcast<vec4<u32>>(x_row[i % PLACES]) + t.yyyy < vec4(params.source.x))
    & (bitcast<vec4<u32>>(x_column[i % PLACES]) + t.wwww < vec4(params.source.y));
  return select(vec4(0.0), v, inside);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let flat = flat_group(group, groups);
  let row_tile = flat % p.row_tiles;
  let rest = flat / p.row_tiles;
  let column0 = rest % p.column_tiles * (4u * QUADS_N);
  let slab = rest / p.column_tiles;
  let f = phase_of(slab % p.phases);
  let own = slab / p.phases;
  let g = p.first_group + own;
  if (own >= p.own_groups || column0 >= p.batch * f.area) {
    return;
  }
  start_fetch(lane, column0, g, f);
  w_at = ((own * p.row_tiles + row_tile) * p.terms + f.first) * QUADS_M + lane;
  sum_tile(lane, (f.terms + DEPTH - 1u) / DEPTH);

  let row0 = p.first_row + row_tile * (4u * QUADS_M) + lane / X * (4u * ROW_QUADS);
  let channel0 = g * p.written + row0;
  var bias: array<f32, 4u * ROW_QUADS>;
  for (var r = 0u; r < 4u * ROW_QUADS; r++) {  //!unroll
    let at = select(0u, min(channel0 + r, p.groups * p.written - 1u), p.has_bias != 0u);
    bias[r] = select(0.0, b[at], p.has_bias != 0u);
  }
  let rows = max(row0, p.written) - row0;
  for (var q = 0u; q < COLUMN_QUADS; q++) {  //!unroll
    var pixel = pixel_of(column0 + (lane % X + q * X) * 4u, f);
    for (var i = 0u; i < select(4u, 1u, WIDE_Y); i++) {  //!unroll
      if (pixel.n < p.batch) {
        var to = (pixel.n * p.groups * p.written + channel0) * p.y_plane
          + pixel.row * p.y_step.x * p.y_width + pixel.column * p.y_step.y + f.y_start;
        for (var r = 0u; r < 4u * ROW_QUADS; r++) {  //!unroll
          let v = tile_sum[r * COLUMN_QUADS + q] + bias[r];
          if (r < rows) {
            y[to / TARGET_WIDTH] = target_of(select(vec4(v[i]), v, WIDE_Y));
          }
          to += p.y_plane;
        }
      }
      pixel = next_pixel(pixel, f);
    }
  }
}
