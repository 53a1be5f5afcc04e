// Terms of the gradient of x in a product with a block-sparse weight: z = transposed weight times dy, a plane for each channel and tap
// with live blocks, over the pixels of dy. sparse_grad_taps.wgsl adds the taps. A lane holds the numbers of a row of blocks at
// P pixels; each live block adds 8, 4 or 1 products to a number of z that no other lane touches.
const LANES: u32 = 64u;        //!spec   lanes of a workgroup
alias Act = f32;               //!spec   element type of dy
const R: u32 = 8u;             //!spec   outputs of a block: 8, 4 or 1
const P: u32 = 4u;             //!spec   pixels of a lane
const EVEN: bool = false;      //!spec   the pixels fill all lanes
alias Weight = vec4<f32>;      //!spec   vec4<f32>; f32 for blocks of one output
const QUADS: u32 = max(R / 4u, 1u);
fn weight_at(w: Weight, r: u32) -> f32 { return w[r % 4u]; }  //!spec

struct Params {
  area: u32,                 // pixels of an image
  first: u32,                // first pixel of dy, counted over the images: z begins there
  pixels: u32,               // pixels of z
  strips: u32,               // strips of a workgroup
  z_image: u32,              // numbers of an image of z, and of dy
  y_image: u32,
}
@group(0) @binding(0) var<storage, read> dy: array<Act>;
@group(0) @binding(1) var<storage, read> strips: array<vec4<u32>>;      // of a row of blocks: first live block, end, first output, outputs
@group(0) @binding(2) var<storage, read> terms: array<vec2<u32>>;       // of each live block: its plane of z; 1 if it begins the sum, else 0
@group(0) @binding(3) var<storage, read> weights: array<Weight>;        // [live, R]
@group(0) @binding(4) var<storage, read_write> z: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  var z_at: array<u32, P>;
  var y_at: array<u32, P>;
  var inside: array<bool, P>;
  for (var p = 0u; p < P; p++) {  //!unroll
    let place = (group.y * P + p) * LANES + lane;
    inside[p] = place < params.pixels;
    let at = min(place, params.pixels - 1u);
    let image = at / params.area;
    let first = (params.first + at) / params.area;
    z_at[p] = image * params.z_image + at - image * params.area;
    y_at[p] = first * params.y_image + params.first + at - first * params.area;
  }
  for (var s = 0u; s < params.strips; s++) {
    let strip = strips[group.x * params.strips + s];
    var numbers: array<f32, P * R>;
    for (var r = 0u; r < R; r++) {  //!unroll
      let distance = (strip.z + min(r, strip.w - 1u)) * params.area;
      for (var p = 0u; p < P; p++) {  //!unroll
        numbers[p * R + r] = select(0.0, f32(dy[y_at[p] + distance]), r < strip.w);
      }
    }
    for (var k = strip.x; k < strip.y; k++) {
      let term = terms[k];
      var w: array<Weight, QUADS>;
      for (var i = 0u; i < QUADS; i++) {  //!unroll
        w[i] = weights[k * QUADS + i];
      }
      for (var p = 0u; p < P; p++) {  //!unroll
        let at = z_at[p] + term.x * params.area;
        var sum = select(z[at], 0.0, term.y != 0u);
        for (var r = 0u; r < R; r++) {  //!unroll
          sum = fma(weight_at(w[r / 4u], r), numbers[p * R + r], sum);
        }
        if (EVEN || inside[p]) {
          z[at] = sum;
        }
      }
    }
  }
}
