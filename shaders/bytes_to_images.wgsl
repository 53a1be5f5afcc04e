// Converts stored bytes to images: crops, mirrors, and looks up each byte in the table of its channel. Sizes of y are constants, so that dividing by them is multiplying.
//!include "lib/quads.wgsl"
const CHANNELS: u32 = 3u;                //!spec
const HEIGHT: u32 = 32u;                 //!spec   rows of a plane of y
const WIDTH: u32 = 32u;                  //!spec
const CROPPED: bool = true;               //!spec   false: x is as large as y, and crop is not read
const PADDED: bool = false;               //!spec   crops reach beyond the images, where bytes are 0
const WIDE: bool = WIDTH % 4u == 0u;     // the four values are in one row
const ITEMS_PER_INVOCATION: u32 = 8u;
struct Params { n: u32, stored: vec2<u32> }                              // values of y; height and width of a plane of x
@group(0) @binding(0) var<storage, read> x: array<u32>;                 // four bytes a word, the first in its lowest bits
@group(0) @binding(1) var<storage, read> crop: array<vec4<i32>>;       // per image: first row, first column, mirrored, 0
@group(0) @binding(2) var<storage, read> table: array<f32>;             // [CHANNELS, 256]
@group(0) @binding(3) var<storage, read_write> result: array<vec4<Act>>;     // [n]
@group(0) @binding(4) var<uniform> params: Params;

// A row of y: its leftmost byte in x, whether it is read from the right, and where its channel begins in the table; for PADDED
// its leftmost column in x, and whether the row is in x.
struct Row { start: u32, mirrored: bool, channel: u32, left: i32, inside: bool }

fn row_of_y(row: u32) -> Row {
  let plane = row / HEIGHT;
  let channel = plane % CHANNELS * 256u;
  if (!CROPPED) {
    return Row(row * WIDTH, false, channel, 0, true);
  }
  let p = crop[plane / CHANNELS];
  // Negative numbers wrap to huge ones.
  let below = u32(p.x) + row % HEIGHT;
  let stored_row = plane * params.stored.x + below;
  return Row(stored_row * params.stored.y + u32(p.y), p.z != 0, channel, p.y, below < params.stored.x);
}

// Bytes i to i + 3. Those past the end of x are not used.
fn four_bytes(i: u32) -> vec4<u32> {
  var word = x[i / 4u];
  if (CROPPED) {
    let shift = i % 4u * 8u;
    let next = x[i / 4u + 1u];
    word = select((word >> shift) | (next << (32u - shift)), word, shift == 0u);
  }
  return (vec4(word) >> vec4(0u, 8u, 16u, 24u)) & vec4(255u);
}

fn quad(i: u32) -> vec4<f32> {
  let first = i * 4u;
  var number = first / WIDTH;
  var column = first % WIDTH;
  var row = row_of_y(number);
  if (WIDE && !PADDED) {
    let bytes = four_bytes(row.start + select(column, WIDTH - 4u - column, row.mirrored));
    let b = select(bytes, bytes.wzyx, row.mirrored) + row.channel;
    return vec4(table[b.x], table[b.y], table[b.z], table[b.w]);
  }
  let count = min(4u, params.n - first);
  var r = vec4(0.0);
  for (var k = 0u; k < count; k++) {
    if (column == WIDTH) {
      column = 0u;
      number++;
      row = row_of_y(number);
    }
    let place = select(column, WIDTH - 1u - column, row.mirrored);
    let inside = !PADDED || (row.inside && u32(row.left + i32(place)) < params.stored.y);
    let at = select(0u, row.start + place, inside);
    let byte = (x[at / 4u] >> (at % 4u * 8u)) & 255u;
    r[k] = table[row.channel + select(0u, byte, inside)];
    column++;
  }
  return r;
}
