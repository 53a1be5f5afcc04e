// Shared parts of the matrix product kernels: their parameters, and the tile of a flat workgroup index.
// Operands are read through strides, so a transposed operand is the same kernel with two numbers exchanged.
struct Params {
  batch: vec4<u32>,          // sizes of up to three batch axes, outermost first
  a_batch: vec4<u32>,        // their strides in a, in elements; 0 along a broadcast axis
  b_batch: vec4<u32>,
  m: u32,
  n: u32,
  k: u32,
  a_row: u32,                // strides: a[i, p] at i · a_row + p · a_col
  a_col: u32,
  b_row: u32,                // b[p, j] at p · b_row + j · b_col
  b_col: u32,
  y_row: u32,                // y[i, j] at i · y_row + j · y_col
  y_col: u32,
  y_batch: u32,              // elements of one product
  y_split: u32,              // elements of all products: distance between two partial results
  bias_row: u32,             // bias[i · bias_row + j · bias_col]
  bias_col: u32,
  has_bias: u32,
  tiles_m: u32,
  tiles_n: u32,
  groups: u32,               // tiles x products x splits; the grid may be larger
  split_k: u32,              // terms that one split adds up
}

struct Tile {
  row: u32,                  // in tiles
  column: u32,
  batch: u32,
  split: u32,
}

fn tile_of(flat: u32, tiles_m: u32, tiles_n: u32, products: u32) -> Tile {
  let per_product = tiles_m * tiles_n;
  let product = flat / per_product;
  let tile = flat % per_product;
  return Tile(tile / tiles_n, tile % tiles_n, product % products, product / products);
}

fn batch_offset(flat: u32, size: vec4<u32>, stride: vec4<u32>) -> u32 {
  let c = flat % size.z;
  let ab = flat / size.z;
  return (ab / size.y) * stride.x + (ab % size.y) * stride.y + c * stride.z;
}

// A partial sum is closed after this many terms and added to the total: rounding errors then grow with the number of
// blocks, not of terms.
const BLOCK: u32 = 256u;
