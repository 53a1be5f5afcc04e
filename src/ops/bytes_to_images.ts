// Images as bytes become what a network sees: a byte is all that is uploaded for a value, the rest is done here.
import wgsl from "../../shaders/bytes_to_images.wgsl";
import { defineOp } from "../autograd/index.ts";
import { grid1d, kernel, OpError } from "../gpu/index.ts";
import { numel, sameShape, type Tensor } from "../tensor/index.ts";
import { vec4 } from "./pointwise/vec4.ts";

const imagesKernel = kernel("bytes_to_images", wgsl);

export interface BytesToImagesOptions {
  /** Of the result. */
  readonly shape: readonly [n: number, c: number, h: number, w: number];
  /** Height and width of the images in the bytes. */
  readonly stored: readonly [height: number, width: number];
}

const isSize = (d: number) => Number.isInteger(d) && d > 0;

/**
 * Check places before they are uploaded: the GPU reads what they say.
 *
 * Errors    OpError that names the image, its numbers and the sizes: a number of places that is not the number of images, an
 *           image cut beyond its edges, mirrored not 0 or 1, a last number that is not 0.
 */
export function expectPlaces(
  op: string,
  place: Int32Array,
  { shape: [n, , h, w], stored }: BytesToImagesOptions,
): void {
  if (place.length !== 4 * n) {
    throw new OpError(op, `expected ${4 * n} numbers for the crops of ${n} images, got ${place.length}`);
  }
  const [lowest, rightmost] = [stored[0] - h, stored[1] - w];
  for (let i = 0; i < n; i++) {
    const at = (k: number) => place[4 * i + k]!;
    const [top, left, mirrored, last] = [at(0), at(1), at(2), at(3)];
    const inside = top >= 0 && top <= lowest && left >= 0 && left <= rightmost;
    if (inside && (mirrored === 0 || mirrored === 1) && last === 0) continue;
    const wanted = `[0..${lowest}, 0..${rightmost}, 0 or 1, 0] to cut ${h}x${w} out of ${stored.join("x")}`;
    throw new OpError(op, `crop of image ${i}: expected ${wanted}, got [${top}, ${left}, ${mirrored}, ${last}]`);
  }
}

function fail(problem: string, tensors?: Record<string, Tensor>): never {
  throw new OpError("bytesToImages", problem, tensors);
}

function expectSizes({ shape, stored }: BytesToImagesOptions, cropped: boolean): void {
  if (shape.length !== 4 || !shape.every(isSize)) fail(`shape: expected [n, c, h, w], got [${shape.join(",")}]`);
  if (stored.length !== 2 || !stored.every(isSize)) fail(`stored: expected [h, w], got [${stored.join(",")}]`);
  const [, , h, w] = shape;
  const [height, width] = stored;
  if (cropped && (height < h || width < w)) fail(`stored: expected at least ${h}x${w}, got ${height}x${width}`);
  if (!cropped && (height !== h || width !== w))
    fail(`stored: expected ${h}x${w}, since no crops are given, got ${height}x${width}`);
}

/**
 * Cut stored images at their places, mirrors them and looks up each byte: y[i, c, row, col] = table[c, b] with b the byte of
 * image i at row top + row and column left + col, mirrored left + w - 1 - col. The table is given, so that normalised values
 * have the bits that the host would have computed.
 *
 * Shapes    bytes [ceil(n c H W / 4)] u32, four bytes of [n, c, H, W] a word, the first in the lowest bits; place [n, 4] i32
 *           (top, left, 1 for mirrored, 0) or null; table [c, 256] -> y [n, c, h, w].
 * Backward  none.
 * Errors    OpError when shapes or dtypes disagree, when stored is smaller than shape, or another size without places. Places
 *           are not looked at: see expectPlaces.
 */
export const bytesToImages = defineOp({
  name: "bytesToImages",
  options: ["shape", "stored"],
  infer(
    [bytes, place, table]: [bytes: Tensor, place: Tensor | null, table: Tensor],
    { shape, stored }: BytesToImagesOptions,
  ) {
    expectSizes({ shape, stored }, place !== null);
    const [n, c] = shape;
    const [height, width] = stored;
    const count = n * c * height * width;
    // Indices in the shader are u32.
    if (count >= 2 ** 32) fail(`expected fewer than 2^32 bytes, got ${count} in [${n},${c},${height},${width}]`);
    if (bytes.dtype !== "u32" || bytes.numel !== Math.ceil(count / 4)) {
      fail(`expected ${Math.ceil(count / 4)} u32 for the bytes of [${n},${c},${height},${width}]`, { bytes });
    }
    if (place && (place.dtype !== "i32" || !sameShape(place.shape, [n, 4])))
      fail(`place: expected [${n},4] i32`, { place });
    if (table.dtype !== "f32" || !sameShape(table.shape, [c, 256])) fail(`table: expected [${c},256] f32`, { table });
    return { shape, dtype: "f32" };
  },
  forward(y, [bytes, place, table], { shape: [, c, h, w], stored }) {
    const n = numel(y.shape);
    imagesKernel.run({
      // The variant that reads no places is given memory that is there.
      bind: { x: bytes, place: place ?? vec4(bytes), table, result: vec4(y) },
      params: { n, stored },
      // Without places an image may as well be one row: more widths are then multiples of four.
      spec: { CHANNELS: c, HEIGHT: place ? h : 1, WIDTH: place ? w : h * w, PLACED: place !== null },
      grid: grid1d(n),
    });
    return [];
  },
});
