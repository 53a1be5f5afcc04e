// Parts of the block-sparse product that its two kernels share. A row of blocks is R neighbouring outputs; its live blocks are
// a list of taps, each with R weights. A lane holds R outputs of P pixels and reads x once per tap and pixel: the table of taps
// (src/ops/sparse/tables.ts) holds distances in x, so that nothing here divides.
// The including kernel declares LANES, the distance between two pixels of a lane, and the bindings.
//!include "lib/nonfinite.wgsl"
alias Act = f32;               //!spec   element type of x and y in memory
const R: u32 = 8u;             //!spec   outputs of a block: 8, 4 or 1
const P: u32 = 4u;             //!spec   pixels of a lane
const TABLE: bool = false;     //!spec   pixels of x are in `pixels`; else they are x_pixel apart
const MASKED: bool = false;    //!spec   taps may be outside of x
const FLAT: bool = false;      //!spec   `pixels` holds those of the whole batch
const RESIDUAL: bool = false;  //!spec   `residual` is added to the result
const RELU: bool = false;      //!spec   ReLU after it

struct Params {
  plane: u32,                // pixels of an image; of the batch where FLAT
  area: u32,                 // pixels of an image
  images: u32,               // 1 where FLAT
  x_image: u32,              // numbers from one image of x to the next; likewise below
  x_pixel: u32,
  y_image: u32,
  y_pixel: u32,
  y_output: u32,
  has_bias: u32,
}

var<private> x_at: array<u32, P>;       // tap (0, 0) of channel 0; it may be outside of the plane
var<private> x_inside: array<u32, P>;   // bits of the tap rows and, from bit 16, columns that are inside
var<private> sums: array<f32, P * R>;

// A number of x; 0 unless the pixel's bits have those of the tap.
fn number_at(at: u32, inside: u32, bits: u32) -> f32 {
  let v = f32(x[at]);
  if (MASKED) {
    return select(0.0, v, (inside & bits) == bits);
  }
  return v;
}

fn start_pixels(first: u32, image: u32) {
  for (var p = 0u; p < P; p++) {  //!unroll
    let pixel = min(first + p * LANES, params.plane - 1u);
    var at = pixel * params.x_pixel;
    if (TABLE) {
      let place = pixels[pixel];
      at = place.x;
      x_inside[p] = place.y;
    }
    x_at[p] = at + image * params.x_image;
  }
}

// Where the first output of a pixel is in y.
fn result_at(pixel: u32, image: u32, output: u32) -> u32 {
  var at = image * params.y_image + pixel * params.y_pixel;
  if (FLAT) {
    let n = pixel / params.area;
    at = n * params.y_image + (pixel - n * params.area) * params.y_pixel;
  }
  return at + output * params.y_output;
}

// A result, from its sum and its place in y.
fn ended(sum: f32, at: u32) -> Act {
  var v = sum;
  if (RESIDUAL) {
    v += f32(residual[at]);
  }
  if (RELU) {
    v = relu_of(v);
  }
  return Act(v);
}
