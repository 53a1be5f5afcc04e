// The gradient of x in a convolution with a block-sparse weight, added in place: dx = transposed weight times dy. A lane has a column of
// an image of dx, which no other lane adds to, so nothing waits. For each row of blocks and each column of the window it holds the
// numbers of dy in P rows of that column, and adds the products of each live block to the row of dx that its tap reads. dx is zero before.
const LANES: u32 = 64u;        //!spec   lanes of a workgroup
alias Act = f32;               //!spec   element type of dy
const R: u32 = 8u;             //!spec   outputs of a block: 8, 4 or 1
const P: u32 = 4u;             //!spec   rows of dy of a lane
alias Weight = vec4<f32>;      //!spec   vec4<f32>; f32 for blocks of one output
const QUADS: u32 = max(R / 4u, 1u);
fn weight_at(w: Weight, r: u32) -> f32 { return w[r % 4u]; }  //!spec

struct Params {
  columns: u32,              // columns of dx, of all images
  width: u32,                // columns of an image of dx
  window: u32,               // columns of the window
  strips: u32,               // rows of blocks
  rows: u32,                 // rows and columns of an image of dy
  y_width: u32,
  area: u32,                 // pixels of an image of dy
  x_image: u32,              // numbers of an image of dx, and of dy
  y_image: u32,
}
@group(0) @binding(0) var<storage, read> dy: array<Act>;
@group(0) @binding(1) var<storage, read> strips: array<vec4<u32>>;      // of a row of blocks and a column of the window: as `rows` of blocks
@group(0) @binding(2) var<storage, read> terms: array<vec4<u32>>;       // of each live block, by strips: its number, distance in dx, bit of its row
@group(0) @binding(3) var<storage, read> columns: array<u32>;           // column of dy, by column of the window and of dx; y_width: none
@group(0) @binding(4) var<storage, read> rows: array<vec2<u32>>;        // of each row of dy: distance of its first row in dx, bits of the rows inside
@group(0) @binding(5) var<storage, read> weights: array<Weight>;        // [live, R]
@group(0) @binding(6) var<storage, read_write> dx: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let place = group.x * LANES + lane;
  if (place >= params.columns) {
    return;
  }
  let image = place / params.width;
  let column = place - image * params.width;
  let x_at = image * params.x_image + column;
  for (var row = 0u; row < params.rows; row += P) {
    var above: array<vec2<u32>, P>;
    for (var p = 0u; p < P; p++) {  //!unroll
      above[p] = rows[min(row + p, params.rows - 1u)];
      above[p].y = select(0u, above[p].y, row + p < params.rows);
    }
    for (var s = 0u; s < params.strips * params.window; s++) {
      let strip = strips[s];
      if (strip.x == strip.y) {
        continue;
      }
      let y_column = columns[s % params.window * params.width + column];
      let inside = y_column < params.y_width;
      let y_at = image * params.y_image + select(0u, y_column, inside);
      var numbers: array<f32, P * R>;
      for (var r = 0u; r < R; r++) {  //!unroll
        let distance = y_at + (strip.z + min(r, strip.w - 1u)) * params.area;
        for (var p = 0u; p < P; p++) {  //!unroll
          let v = f32(dy[distance + min(row + p, params.rows - 1u) * params.y_width]);
          numbers[p * R + r] = select(0.0, v, inside & (r < strip.w));
        }
      }
      for (var k = strip.x; k < strip.y; k++) {
        let term = terms[k];
        var w: array<Weight, QUADS>;
        for (var i = 0u; i < QUADS; i++) {  //!unroll
          w[i] = weights[term.x * QUADS + i];
        }
        for (var p = 0u; p < P; p++) {  //!unroll
          if ((above[p].y & term.z) != 0u) {
            let at = x_at + above[p].x + term.y;
            var sum = dx[at];
            for (var r = 0u; r < R; r++) {  //!unroll
              sum = fma(weight_at(w[r / 4u], r), numbers[p * R + r], sum);
            }
            dx[at] = sum;
          }
        }
      }
    }
  }
}
