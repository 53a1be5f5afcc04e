// Arranges the weights of a layer as pixels of a picture.

export interface LayerMap {
  readonly width: number;
  readonly height: number;
  /** Index of the weight at each pixel, or -1 between filters. */
  readonly indices: Int32Array;
}

/** Return the number of elements of a shape. */
export const volume = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/**
 * Arrange a layer as a matrix, one row per output. Rows of a very wide matrix are broken into blocks, one below the other,
 * so that neither side of the picture is more than about `aspect` times the other.
 */
export function matrixMap(shape: readonly number[], aspect = 4): LayerMap {
  const rows = shape[0] ?? 1;
  const columns = Math.max(1, volume(shape.slice(1)));
  if (rows > columns * aspect) {
    // Tall: outputs become columns.
    const turned = matrixMap([columns, rows], aspect);
    const indices = turned.indices.map((i) => (i < 0 ? i : (i % rows) * columns + Math.floor(i / rows)));
    return { ...turned, indices };
  }
  let blocks = 1;
  while (columns / blocks > (rows + 1) * blocks * aspect) blocks++;
  const width = Math.ceil(columns / blocks);
  blocks = Math.ceil(columns / width);
  const height = rows * blocks + (blocks - 1);
  const indices = new Int32Array(width * height).fill(-1);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const block = Math.floor(column / width);
      indices[(block * (rows + 1) + row) * width + (column % width)] = row * columns + column;
    }
  return { width, height, indices };
}

/** Arrange the filters of a convolution [outputs, inputs, height, width] as tiles one pixel apart; null for other shapes. */
export function filterMap(shape: readonly number[], across?: number): LayerMap | null {
  const [outputs, inputs, high, wide] = shape;
  if (shape.length !== 4 || !outputs || !inputs || !high || !wide || high * wide === 1) return null;
  const tiles = outputs * inputs;
  const columns = Math.max(1, Math.min(tiles, across ?? Math.ceil(Math.sqrt(tiles * 2))));
  const rows = Math.ceil(tiles / columns);
  const width = columns * (wide + 1) - 1;
  const height = rows * (high + 1) - 1;
  const indices = new Int32Array(width * height).fill(-1);
  for (let tile = 0; tile < tiles; tile++) {
    const left = (tile % columns) * (wide + 1);
    const top = Math.floor(tile / columns) * (high + 1);
    for (let y = 0; y < high; y++)
      for (let x = 0; x < wide; x++) indices[(top + y) * width + left + x] = (tile * high + y) * wide + x;
  }
  return { width, height, indices };
}
