// The gradient of the live blocks of a weight (linear, or a convolution). A workgroup handles up to K blocks of one row, so that it
// loads the numbers of dy once for all of them; its lanes are pixels. Slices of the pixels are added afterwards, in order.
const LANES: u32 = 64u;        //!spec   lanes of a workgroup
alias Act = f32;               //!spec   element type of x and dy
const R: u32 = 8u;             //!spec   outputs of a block: 8, 4 or 1
const K: u32 = 4u;             //!spec   most blocks of a workgroup
const TABLE: bool = false;     //!spec   pixels of x are in `pixels`; else they are x_pixel apart
const FLAT: bool = false;      //!spec   `pixels` holds those of the whole batch

struct Params {
  plane: u32,                // pixels of an image; of the batch where FLAT
  area: u32,                 // pixels of an image
  tiles: u32,                // vectors of pixels in a plane
  steps: u32,                // tiles of all planes
  each: u32,                 // steps of a slice
  live: u32,                 // live blocks
  x_image: u32,              // numbers from one image of x to the next; likewise below
  x_pixel: u32,
  y_image: u32,
  y_pixel: u32,
  y_output: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read> dy: array<Act>;
@group(0) @binding(2) var<storage, read> jobs: array<vec4<u32>>;        // of a workgroup: first live block, end, first output, outputs
@group(0) @binding(3) var<storage, read> taps: array<vec2<u32>>;        // of each live block: distance in x, bits
@group(0) @binding(4) var<storage, read> pixels: array<vec2<u32>>;      // place in x, bits; anything unless TABLE
@group(0) @binding(5) var<storage, read_write> parts: array<f32>;       // [slices, live, R]
@group(0) @binding(6) var<uniform> params: Params;

var<workgroup> lane_sums: array<f32, K * R * LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let job = jobs[group.x];
  var block: array<vec2<u32>, K>;
  for (var i = 0u; i < K; i++) {  //!unroll
    block[i] = taps[min(job.x + i, job.y - 1u)];
  }
  var sums: array<f32, K * R>;
  for (var i = 0u; i < K * R; i++) {  //!unroll
    sums[i] = 0.0;
  }
  let end = min((group.y + 1u) * params.each, params.steps);
  for (var step = group.y * params.each; step < end; step++) {
    let image = step / params.tiles;
    let place = (step - image * params.tiles) * LANES + lane;
    let pixel = min(place, params.plane - 1u);
    var source = vec2(pixel * params.x_pixel, 0xffffffffu);
    if (TABLE) {
      source = pixels[pixel];
    }
    let inside = select(0u, source.y, place < params.plane);
    let x_at = source.x + image * params.x_image;
    var y_at = image * params.y_image + pixel * params.y_pixel;
    if (FLAT) {
      let n = pixel / params.area;
      y_at = n * params.y_image + (pixel - n * params.area) * params.y_pixel;
    }
    var numbers: array<f32, R>;
    for (var r = 0u; r < R; r++) {  //!unroll
      let v = f32(dy[y_at + (job.z + min(r, job.w - 1u)) * params.y_output]);
      numbers[r] = select(0.0, v, place < params.plane);
    }
    for (var i = 0u; i < K; i++) {  //!unroll
      let v = select(0.0, f32(x[x_at + block[i].x]), (inside & block[i].y) == block[i].y);
      for (var r = 0u; r < R; r++) {  //!unroll
        sums[i * R + r] = fma(numbers[r], v, sums[i * R + r]);
      }
    }
  }
  for (var i = 0u; i < K * R; i++) {  //!unroll
    lane_sums[i * LANES + lane] = sums[i];
  }
  workgroupBarrier();
  for (var i = lane; i < (job.y - job.x) * R; i += LANES) {
    var sum = 0.0;
    for (var j = 0u; j < LANES; j++) {
      sum += lane_sums[i * LANES + j];
    }
    parts[(group.y * params.live + job.x) * R + i] = sum;
  }
}
